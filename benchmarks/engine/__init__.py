"""Decode speed of the engine beside llama.cpp and transformers, on the same weights."""
