"""Evidence 3, prompt regeneration: which model draws what is most like the picture."""
