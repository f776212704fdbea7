"""Evidence 2, autoencoder artifacts: whether any decoder drew the picture."""
