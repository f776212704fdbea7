"""The recipes that made `tracer/minis`. Nothing here is needed to run the app; see training/README.md."""
