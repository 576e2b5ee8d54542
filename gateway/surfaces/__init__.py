"""The APIs that clients speak: how each reads a request, asks an upstream, and words its answer."""

from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.chat import ChatSurface
from gateway.surfaces.messages import MessagesSurface

__all__ = ["AnswerEvents", "ChatSurface", "Encoder", "MessagesSurface", "Surface"]
