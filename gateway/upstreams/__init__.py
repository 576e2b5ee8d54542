"""Upstreams: where models run. ``build_upstreams`` makes them from the settings."""

import os

from gateway.errors import SettingsError
from gateway.settings import Settings, UpstreamSettings
from gateway.upstreams.base import Health, Reply, Upstream, UpstreamRequest
from gateway.upstreams.openai import OpenAiUpstream
from gateway.upstreams.providers import LitellmUpstream

__all__ = ["Health", "Reply", "Upstream", "UpstreamRequest", "build_upstreams"]


def build_upstreams(settings: Settings) -> dict[str, Upstream]:
    """Every configured upstream by name.

    Raises:
        SettingsError: if an ``api_key_env`` is not set.
    """
    return {item.name: _build(item) for item in settings.upstreams}


def _build(settings: UpstreamSettings) -> Upstream:
    api_key = None
    if settings.api_key_env is not None:
        api_key = os.environ.get(settings.api_key_env)
        if not api_key:
            raise SettingsError(
                f"Upstream {settings.name} wants its API key in the environment variable"
                f" {settings.api_key_env}, which is not set."
            )
    if settings.kind == "litellm":
        return LitellmUpstream(settings, api_key=api_key)
    return OpenAiUpstream(settings, api_key=api_key)
