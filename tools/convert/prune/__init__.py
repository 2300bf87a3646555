"""Fewer channels and blocks in a pack of edgereel's own generator, chosen by what they matter, and tuned again."""
