"""The verb `quantize`: every layer of a pack is stored as what it bears best, until a size or a quality is met."""
