"""The scene renderer: the little world that the generator learns to draw."""
