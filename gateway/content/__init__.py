"""A chat request's content: its texts, what is looked at together, who said what."""

from gateway.content.documents import Document, documents_of, map_texts, spans_by_text, texts_of
from gateway.content.media import MEDIA_KINDS, media_of
from gateway.content.speeches import conversation_key, last_user_text, speeches_of

__all__ = [
    "MEDIA_KINDS",
    "Document",
    "conversation_key",
    "documents_of",
    "last_user_text",
    "map_texts",
    "media_of",
    "spans_by_text",
    "speeches_of",
    "texts_of",
]
