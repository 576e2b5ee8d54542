"""Decoder-only transformers, one file per kind; `build_model` chooses by configuration."""

from inference.models.build import build_model
from inference.models.decoder import Decoder, KeyValueCache
from inference.models.interface import Cache, Model

__all__ = ["Cache", "Decoder", "KeyValueCache", "Model", "build_model"]
