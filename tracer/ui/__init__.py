"""The page: one Gradio builder per tab. The only place in the package that imports gradio."""
