"""The emulated board: `make board`."""
