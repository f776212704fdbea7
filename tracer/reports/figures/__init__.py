"""Figures of all kinds of evidence."""
