"""Makes upstreams from their settings, each with the addresses that it may connect to."""

import os
from collections.abc import Mapping

from gateway.egress import AddressRules, EgressError, Sovereignty, Trust, check_url
from gateway.environment import secret
from gateway.errors import SettingsError
from gateway.settings import Settings, UpstreamSettings
from gateway.upstreams.base import Upstream
from gateway.upstreams.gate import Deployed, Gate
from gateway.upstreams.openai import OpenAiUpstream
from gateway.upstreams.providers import LitellmUpstream


def open_gate(settings: Settings) -> Gate:
    """The gate with every upstream of the settings.

    Raises:
        SettingsError: if an ``api_key_env`` is not set.
    """
    deployed = [
        Deployed(item, build(item, AddressRules.of(settings.egress, Trust.FILE, item.zone)))
        for item in settings.upstreams
    ]
    return Gate(deployed, Sovereignty.of(settings))


def build(
    settings: UpstreamSettings, rules: AddressRules, environ: Mapping[str, str] = os.environ
) -> Upstream:
    """
    Raises:
        SettingsError: the API key is not in the environment, or a URL will not do.
    """
    for url in [*settings.workers, *([settings.base_url] if settings.base_url else [])]:
        try:
            check_url(url, rules)
        except EgressError as error:
            raise SettingsError(f"Upstream {settings.name}: {error.message}") from None
    api_key = None
    if settings.api_key_env is not None:
        whose = f"Upstream {settings.name}"
        api_key = secret(environ, settings.api_key_env, whose, "its API key")
    if settings.kind == "litellm":
        whose = f"Upstream {settings.name}"
        params = {
            name: secret(environ, variable, whose, name)
            for name, variable in settings.params_env.items()
        }
        return LitellmUpstream(settings, api_key=api_key, secrets=params)
    return OpenAiUpstream(settings, rules, api_key=api_key)
