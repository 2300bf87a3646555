"""edgereel: a sentence in, a short video clip out, on a small ARM board, offline."""

__version__ = "0.1.0"
