"""Measurements: `make bench` runs those against peers; the others are programs of their own (docs/performance.md)."""
