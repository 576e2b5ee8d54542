"""The APIs that clients speak: how each reads a request, asks an upstream, and words its answer."""

from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.chat import ChatSurface
from gateway.surfaces.completions import CompletionsSurface
from gateway.surfaces.embeddings import EmbeddingsSurface
from gateway.surfaces.images import ImageFormSurface, ImagesSurface
from gateway.surfaces.messages import MessagesSurface
from gateway.surfaces.moderations import ModerationsSurface
from gateway.surfaces.responses import ResponsesSurface
from gateway.surfaces.speech import SpeechSurface
from gateway.surfaces.transcriptions import TranscriptionsSurface

__all__ = [
    "AnswerEvents",
    "ChatSurface",
    "CompletionsSurface",
    "EmbeddingsSurface",
    "Encoder",
    "ImageFormSurface",
    "ImagesSurface",
    "MessagesSurface",
    "ModerationsSurface",
    "ResponsesSurface",
    "SpeechSurface",
    "Surface",
    "TranscriptionsSurface",
]
