"""Evidence 1, latent inversion: which family's decoder can make the picture again."""
