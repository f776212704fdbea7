"""From a file's bytes to a checked picture, and what can happen to one on its way; knows no model."""
