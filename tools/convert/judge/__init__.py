"""The judges: whether a clip shows what was asked, how close a pack comes to the renderer, and whether the metrics hold."""
