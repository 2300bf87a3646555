"""The video generator at run time: plan -> layout -> latents -> frames."""
