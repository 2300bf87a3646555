"""The verb `distil`: a pack of one's own, from a folder of captioned videos or from a diffusers video pipeline."""
