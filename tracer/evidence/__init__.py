"""Three kinds of evidence about a picture, and what they share."""
