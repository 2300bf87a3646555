"""The latent space: a closed-form start, the autoencoder trained from it, and its export."""
