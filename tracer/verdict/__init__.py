"""The joint answer: how the kinds of evidence are combined."""
