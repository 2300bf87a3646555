"""A language model of anyone's, as a Hugging Face checkpoint folder, becomes packs that a board can open."""
