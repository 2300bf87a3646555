"""Captioned clips: the one dataset interface of the workshop, whoever made the clips."""
