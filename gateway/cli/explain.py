"""``sovgate mask`` and ``sovgate route``: what would happen to a text, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table

if TYPE_CHECKING:
    from gateway.explaining import Explanation
    from gateway.settings import PolicySettings, Settings
    from gateway.tenants.cli.deployment import Deployment
    from guardrails.pii.custom import TenantRecognizers

TextArgument = Annotated[str, typer.Argument(help="The text; - reads standard input.")]


def mask(
    text: TextArgument,
    config: ConfigOption = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="With this tenant's policy and recognizers.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Under this policy of the configuration.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the privacy guard finds in a text, why, and what an upstream would get.

    Without options the default policy is shown; with any of them, a deployment's own.
    """
    from gateway.explaining import explain
    from guardrails.pii import PiiEngine

    text = _read(text)
    rules, recognizers = _rules(config, tenant, policy)
    explanation = explain(PiiEngine.load(), text, rules.pii, recognizers)
    if as_json:
        print_json(_as_json(explanation))
        return
    print(explanation.masked)
    print()
    print_table(_as_json(explanation)["findings"])


def _rules(
    config: Path | None, tenant: str | None, policy: str | None
) -> "tuple[PolicySettings, TenantRecognizers]":
    """The policy asked for and the recognizers that come with it."""
    from gateway.settings import PolicySettings, load_settings
    from guardrails.pii.custom import Sources, build

    if config is None and tenant is None and policy is None:
        return PolicySettings(), build(Sources())
    if tenant is None:
        from gateway.recognizers.policies import checked

        rules = _policy(load_settings(config), policy or "default")
        return rules, build(checked(policy or "default", rules).sources())
    from gateway.tenants.cli.deployment import run

    return run(config, lambda deployment: _of_tenant(deployment, tenant, policy))


async def _of_tenant(
    deployment: "Deployment", tenant: str, policy: str | None
) -> "tuple[PolicySettings, TenantRecognizers]":
    from gateway.recognizers import RecognizerService, Sealer
    from gateway.recognizers.policies import checked
    from gateway.tenants.service import TenantService
    from guardrails.pii.custom import Source, build

    settings, session = deployment.settings, deployment.session
    tenants = TenantService(session, deployment.clock, settings.policies)
    name = policy or (await tenants.get(tenant)).policy
    rules = _policy(settings, name)
    sealer = Sealer(deployment.pepper)
    stored = await RecognizerService(session, tenant, deployment.clock, sealer).all()
    own = tuple(Source(each.spec, str(each.version)) for each in stored)
    return rules, build(checked(name, rules).sources(own))


def _policy(settings: "Settings", name: str) -> "PolicySettings":
    from gateway.errors import InvalidRequest

    rules = settings.policies.get(name)
    if rules is None:
        raise InvalidRequest("The configuration has no policy of this name.", param="policy")
    return rules


def _as_json(explanation: "Explanation") -> dict[str, Any]:
    return {
        "masked": explanation.masked,
        "action": explanation.action,
        "findings": [
            {
                "start": each.span.start,
                "end": each.span.end,
                "entity_type": each.span.entity_type,
                "text": each.value,
                "score": round(each.span.score, 3),
                "detector": each.span.detector,
                "reason": each.span.reason,
                "mode": each.mode,
                "replacement": each.replacement,
            }
            for each in explanation.findings
        ],
        "counts": explanation.counts,
        "languages": explanation.languages,
    }


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
