"""Guards: detect -> decide -> transform, joined by span values."""
