"""The APIs that clients speak: how each reads a request, asks an upstream, and words its answer."""

from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.chat import ChatSurface

__all__ = ["AnswerEvents", "ChatSurface", "Encoder", "Surface"]
