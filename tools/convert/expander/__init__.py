"""The expander's task set: requests, what they imply, and the plans that answer them, as the board would send them."""

from __future__ import annotations

from tools.convert.expander.tasks import Example, examples

__all__ = ["Example", "examples"]
