"""Workstation tools; nothing here is installed on a board."""
