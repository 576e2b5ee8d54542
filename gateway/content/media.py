"""Content that no detector here can read: images, audio, files."""

from typing import Any

_KIND_OF = {
    "image_url": "images", "input_image": "images", "image": "images",
    "input_audio": "audio", "audio": "audio", "audio_url": "audio",
    "file": "files", "input_file": "files", "document": "files",
    "video_url": "video", "input_video": "video", "video": "video",
}  # fmt: skip
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning"})
MEDIA_KINDS = ("images", "audio", "files", "video")


def media_of(body: dict[str, Any]) -> list[str]:
    """The kinds of media in the messages, each once, in the order of ``MEDIA_KINDS``.

    A part of a type that nobody here knows counts as a file, unless it is text.
    """
    found: set[str] = set()
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            kind = str(part.get("type")) if isinstance(part, dict) else "text"
            if kind not in _TEXTS:
                found.add(_KIND_OF.get(kind, "files"))
        audio = message.get("audio") if isinstance(message, dict) else None
        if audio is not None:
            found.add("audio")
    return [kind for kind in MEDIA_KINDS if kind in found]
