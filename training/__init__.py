"""The recipes that made `tracer/assets/minis`. Nothing here is needed to run the app; see training/README.md."""
