"""``sovgate mask`` and ``sovgate route``: what would happen to a text, and why."""

from typing import Annotated

import typer

from gateway.cli.options import JsonOption, print_json, print_table

TextArgument = Annotated[str, typer.Argument(help="The text; - reads standard input.")]


def mask(text: TextArgument, as_json: JsonOption = False) -> None:
    """Show what the privacy guard finds in a text and what an upstream would get."""
    from guardrails.pii import MaskScope, PiiEngine

    text = _read(text)
    spans = PiiEngine.load().detect(text)
    scope = MaskScope([text])
    masked = scope.mask_all([text], [spans])[0]
    findings = [
        {
            "start": span.start,
            "end": span.end,
            "entity_type": span.entity_type,
            "text": text[span.start : span.end],
            "score": round(span.score, 3),
            "detector": span.detector,
        }
        for span in spans
    ]
    if as_json:
        print_json({"masked": masked, "findings": findings, "counts": dict(scope.counts)})
        return
    print(masked)
    print()
    print_table(findings)


def route(
    text: TextArgument,
    quality: Annotated[
        float, typer.Option(min=0, max=1, help="0: cheapest tier that may do, 1: strongest.")
    ] = 0.8,
    as_json: JsonOption = False,
) -> None:
    """Show which tier a prompt would go to, and why."""
    from gateway.routing.complexity import ComplexityModel
    from gateway.routing.tiers import TierRouter
    from gateway.settings import TIER_NAMES

    model = ComplexityModel.load()
    assessment = model.assess(_read(text))
    choice = TierRouter(model).choose(assessment, available=TIER_NAMES, quality=quality)
    if as_json:
        print_json(
            {
                "tier": choice.tier,
                "reason": choice.reason,
                "trend": assessment.trend,
                "hard": round(assessment.hard, 4),
                "version": model.version,
            }
        )
        return
    print(f"{choice.tier}: {choice.reason}")


def _read(text: str) -> str:
    return typer.get_text_stream("stdin").read() if text == "-" else text
