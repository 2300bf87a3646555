"""Captions: what people would say to get a scene, in English and Chinese, made from templates and synonyms."""

from __future__ import annotations

from tools.convert.captions.caption import DROP, TYPOS, Caption, caption, tell

__all__ = ["DROP", "TYPOS", "Caption", "caption", "tell"]
