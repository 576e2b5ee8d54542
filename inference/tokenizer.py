"""Text to token ids and back, one token at a time, never half a character.

Wraps a ``tokenizer.json`` (package ``tokenizers``). It knows nothing of chats
or models, and does not need transformers.
"""

import json
from collections.abc import Sequence as SequenceOf
from functools import cache, cached_property
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from inference.errors import CheckpointInvalid


@cache
def _byte_alphabet() -> dict[str, int]:
    """How byte-level vocabularies spell bytes: printable ones as themselves, others from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    spelled = {chr(byte): byte for byte in printable}
    return spelled | {chr(0x100 + place): byte for place, byte in enumerate(others)}


class Tokenizer:
    """The checkpoint's tokenizer. Safe to call from several threads."""

    def __init__(self, fast: FastTokenizer) -> None:
        self._fast = fast
        added = fast.get_added_tokens_decoder()
        self.special_tokens = frozenset(t.content for t in added.values() if t.special)
        self.special_ids = frozenset(i for i, t in added.items() if t.special)
        self._added = {i: t.content for i, t in added.items()}
        decoder = fast.decoder
        self._byte_level = decoder is not None and b"ByteLevel" in decoder.__getstate__()

    @classmethod
    def load(cls, directory: Path) -> "Tokenizer":
        """Raises CheckpointInvalid when ``tokenizer.json`` is missing or malformed."""
        path = directory / "tokenizer.json"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            raise CheckpointInvalid("The checkpoint has no tokenizer.json.") from None
        return cls.from_json(text)

    @classmethod
    def from_json(cls, text: str) -> "Tokenizer":
        try:
            fast = FastTokenizer.from_str(text)
        except Exception as error:  # the Rust library raises bare Exception
            raise CheckpointInvalid(f"tokenizer.json is not readable: {error}") from error
        return cls(fast)

    @property
    def vocab_size(self) -> int:
        return self._fast.get_vocab_size()

    def to_json(self) -> str:
        """The text of a ``tokenizer.json``."""
        return self._fast.to_str()

    def id_of(self, token: str) -> int | None:
        return self._fast.token_to_id(token)

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``; special tokens in it are recognised, none is added."""
        return self._fast.encode(text, add_special_tokens=False).ids

    def encode_plain(self, text: str) -> list[int]:
        """Ids of ``text`` in which the spelling of an added token is plain text."""
        return self._plain.encode(text, add_special_tokens=False).ids

    @cached_property
    def _plain(self) -> FastTokenizer:
        """The same without added tokens: half a second for a large vocabulary."""
        known = json.loads(self._fast.to_str())
        return FastTokenizer.from_str(json.dumps(known | {"added_tokens": []}))

    def encode_pieces(self, pieces: SequenceOf[tuple[str, bool]]) -> list[int]:
        """Ids of text cut into ``(text, literal)`` pieces.

        In a literal piece the spelling of a special token is plain text: a user
        who writes ``<|im_end|>`` ends no turn.
        """
        ids: list[int] = []
        for text, literal in pieces:
            ids += self._encode_literal(text) if literal else self.encode(text)
        return ids

    def _encode_literal(self, text: str) -> list[int]:
        # Cutting inside the spelling keeps it from being matched as a whole.
        ids: list[int] = []
        for part in (text[:1], text[1:]):
            ids += self.encode(part) if part else []
        return ids

    def token_bytes(self, token_id: int) -> bytes:
        """What one token stands for; it may be a part of a character. Empty for unknown ids."""
        if token_id in self._added:
            return self._added[token_id].encode()
        spelling = self._fast.id_to_token(token_id) or ""
        if self._byte_level:
            return bytes(_byte_alphabet()[c] for c in spelling)
        if len(spelling) == 6 and spelling.startswith("<0x"):
            return bytes.fromhex(spelling[3:5])
        return spelling.replace("\u2581", " ").encode()

    def decode(self, ids: SequenceOf[int], *, skip_special: bool = True) -> str:
        return self._fast.decode(list(ids), skip_special_tokens=skip_special)


class IncrementalDetokenizer:
    """Text of a growing list of ids, emitted as soon as no later id can change it.

    >>> # ids of "ü" as two byte tokens: the first push gives "", the second "ü"
    """

    def __init__(self, tokenizer: Tokenizer, keeps: frozenset[int] = frozenset()) -> None:
        """Args: keeps: control tokens whose spelling is a part of the text."""
        self._tokenizer = tokenizer
        self._dropped = tokenizer.special_ids - keeps
        self._ids: list[int] = []
        self._start = 0  # where the decoded window begins
        self._read = 0  # ids before this one have been emitted

    def push(self, token_id: int) -> str:
        """The text that became certain with this id, often ``""`` inside a character."""
        if token_id in self._dropped:
            return ""
        self._ids.append(token_id)
        return self._advance(final=False)

    def flush(self) -> str:
        """What was held back; an unfinished character comes out as U+FFFD."""
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        # A window that starts some tokens early keeps decoders that look at
        # their left neighbour (leading spaces) right; vLLM and TGI do the same.
        window = self._ids[self._start :]
        decode, read = self._tokenizer.decode, self._read - self._start
        before = decode(window[:read], skip_special=False)
        after = decode(window, skip_special=False)
        if not final and (len(after) <= len(before) or after.endswith("\ufffd")):
            return ""
        self._start, self._read = self._read, len(self._ids)
        return after[len(before) :]
