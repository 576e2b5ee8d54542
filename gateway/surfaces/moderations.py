"""``/v1/moderations``: OpenAI's shape, answered by the gateway's own guard; nothing leaves.

The guard knows twelve categories (docs/moderation.md); each counts under the nearest of OpenAI's
names. Names for distinctions that it does not make are there, and never flagged.
"""

from typing import Any

import msgspec

from core.ids import new_id
from gateway.errors import InvalidRequest, UnsupportedFeature
from gateway.exchange import Exchange
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.routing.targets import Router, Target
from gateway.settings import LimitSettings, PolicySettings
from gateway.surfaces.base import AnswerEvents, Encoder, Surface
from gateway.surfaces.checks import decode_object, refuse_stream
from guardrails.detectors import Rating

GUARD_MODEL = "sovgate-moderation"  # its name in records and in the price book
_MOST_TEXTS = 2048
_NAMES: tuple[str, ...] = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_OPENAI: dict[str, tuple[str, ...]] = {
    "harassment": ("harassment",),
    "hate": ("hate",),
    "self_harm": ("self-harm",),
    "sexual": ("sexual",),
    "violence": ("violence",),
    "weapons": ("illicit", "illicit/violent"),
}
_OTHERS = ("illicit",)  # drugs, fraud, malware, privacy, disinformation and other crime


class ModerationsSurface(Surface):
    name = "moderations"
    guard_model = GUARD_MODEL

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        body = decode_object(raw)
        if not isinstance(body.get("model"), str | None):
            raise InvalidRequest("`model` must be a text.", param="model")
        refuse_stream(body)
        # Whichever was asked for, there is one here; a client's own word goes into no record.
        return {**body, "model": GUARD_MODEL, "input": texts_of_input(body.get("input"))}

    def targets(self, body: dict[str, Any], router: Router, policy: PolicySettings) -> list[Target]:
        return []

    def output_tokens(self, body: dict[str, Any], limits: LimitSettings) -> int:
        return 0

    def inspect(
        self, exchange: Exchange, raw: bytes, judge: Judge | None, guard: OutputGuard
    ) -> bytes:
        raise NotImplementedError("no upstream answers")

    def stream(self, exchange: Exchange, judge: Judge | None, guard: OutputGuard) -> AnswerEvents:
        raise NotImplementedError("moderations do not stream")

    def encoder(self, exchange: Exchange) -> Encoder:
        raise NotImplementedError("moderations do not stream")


def texts_of_input(value: Any) -> list[str]:
    """The texts to be judged: one, several, or the joined parts of one message.

    Raises:
        InvalidRequest: there is none.
        UnsupportedFeature: a part is no text.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not value or len(value) > _MOST_TEXTS:
        raise InvalidRequest(
            f"`input` must be a text, or a list of up to {_MOST_TEXTS} texts or parts.",
            param="input",
        )
    if all(isinstance(item, str) for item in value):
        return value
    return ["\n".join(_part(item) for item in value)]


def _part(item: Any) -> str:
    if not isinstance(item, dict):
        raise InvalidRequest("`input` must hold texts only, or parts only.", param="input")
    if item.get("type") != "text":
        raise UnsupportedFeature(
            "The guard reads text; leave pictures out, since nobody here can judge them.",
            param="input",
        )
    if not isinstance(item.get("text"), str):
        raise InvalidRequest("A part of the type 'text' needs a `text`.", param="input")
    return item["text"]


def moderation_answer(ratings: list[Rating], threshold: float | None) -> bytes:
    """The answer in OpenAI's shape.

    Args:
        threshold: of the policy; ``None``: the guard's own.
    """
    return msgspec.json.encode(
        {
            "id": new_id("modr"),
            "model": GUARD_MODEL,
            "results": [_result(rating, threshold) for rating in ratings],
        }
    )


def _result(rating: Rating, threshold: float | None) -> dict[str, Any]:
    verdict = rating.verdict
    flagged = verdict.score >= (verdict.threshold if threshold is None else threshold)
    likeliest = max(rating.categories, key=rating.categories.__getitem__)
    names = _OPENAI.get(likeliest, _OTHERS) if flagged else ()
    scores: dict[str, float] = dict.fromkeys(_NAMES, 0.0)
    for category, score in rating.categories.items():
        for name in _OPENAI.get(category, _OTHERS):
            scores[name] += score
    return {
        "flagged": flagged,
        "categories": {name: name in names for name in _NAMES},
        "category_scores": {name: round(score, 6) for name, score in scores.items()},
        "category_applied_input_types": {name: ["text"] for name in _NAMES},
        "sovgate": {
            "detector": verdict.detector,
            "category": likeliest if flagged else None,
            "score": round(verdict.score, 6),
            "category_scores": {name: round(score, 6) for name, score in rating.categories.items()},
        },
    }
