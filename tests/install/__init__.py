"""The installer on a fresh Debian: `make install-test`, as root."""
