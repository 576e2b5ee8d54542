"""Decoder-only transformers, one file per kind; `build_model` chooses by configuration."""

from inference.models.build import build_model
from inference.models.decoder import Decoder, KeyValueCache

__all__ = ["Decoder", "KeyValueCache", "build_model"]
