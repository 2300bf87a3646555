"""Packs that were diffusers pipelines: a prompt is read, noise becomes latents in a few steps, and each frame is decoded."""
