"""Training of the tiny video generator: data, autoencoder, student, export, parity."""
