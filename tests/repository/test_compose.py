"""docker-compose.yml, its images and its configuration fit each other and the settings.

No container engine is needed: the files are read, not run.
"""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings, load_settings
from support.repository import ROOT

_COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_CONFIG = ROOT / "deploy" / "sovgate.compose.yaml"
_DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
_RUN_ONCE = {"migrate", "model"}


@pytest.fixture
def settings() -> Settings:
    return load_settings(_CONFIG)


def _words(service: str) -> str:
    return " ".join(_SERVICES[service].get("command", []))


def test_the_promised_services_are_there() -> None:
    assert {"gateway", "postgres", "valkey", "jobs", "beat", "worker"} <= set(_SERVICES)


@pytest.mark.parametrize("name", _SERVICES)
def test_service_is_watched_and_confined(name: str) -> None:
    service = _SERVICES[name]
    assert ("healthcheck" in service) != (name in _RUN_ONCE)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_dependencies_are_services_with_a_health_check_or_an_end() -> None:
    for service in _SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            ends = name in _RUN_ONCE
            wanted = "service_completed_successfully" if ends else "service_healthy"
            assert condition == {"condition": wanted}, name


def test_only_the_gateway_is_published_and_on_loopback(settings: Settings) -> None:
    published = {
        name: service["ports"] for name, service in _SERVICES.items() if "ports" in service
    }
    assert published == {"gateway": [f"127.0.0.1:${{PORT:-8080}}:{settings.server.port}"]}


def test_only_what_calls_others_reaches_outside() -> None:
    """Models of providers, and where alerts go."""
    assert _COMPOSE["networks"]["internal"] == {"internal": True}
    outside = {
        name
        for name, service in _SERVICES.items()
        if "outside" in service.get("networks", []) and service.get("network_mode") != "none"
    }
    assert outside == {"gateway", "jobs"}


def test_settings_name_what_the_services_provide(settings: Settings) -> None:
    assert settings.server.host == "0.0.0.0"
    (pool,) = [upstream for upstream in settings.upstreams if upstream.kind == "pool"]
    assert pool.workers == ["http://worker:9100"]
    served = dict(re.findall(r"--alias (\S+)=(\d+)", _words("worker")))
    assert set(served) == set(pool.models)
    assert "--port 9100" in _words("worker")
    volumes = [volume.split(":")[1] for volume in _SERVICES["gateway"]["volumes"]]
    assert str(settings.data_dir) in volumes
    secrets = {Path("/run/secrets", name) for name in _SERVICES["gateway"]["secrets"]}
    assert {settings.security.pepper_file, settings.audit.signing_key_file} == secrets


def test_environment_overrides_reach_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _SERVICES["gateway"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value))
    settings = load_settings(_CONFIG)
    assert settings.database.url == "postgresql+asyncpg://sovgate:secret@postgres:5432/sovgate"
    assert settings.redis.url == "redis://:secret@valkey:6379/0"


def test_every_secret_that_the_configuration_names_is_handed_in(settings: Settings) -> None:
    named = {key.env for tenant in settings.bootstrap.tenants for key in tenant.keys}
    named |= {admin.password_env for admin in settings.bootstrap.admins}
    assert named <= set(_SERVICES["gateway"]["environment"])


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    variables = set(re.findall(r"\$\{(\w+)[^}]*\}", text))
    demanded = set(re.findall(r"\$\{(\w+):\?[^}]+\}", text))
    assert variables - demanded == {"PORT"}
    literal = re.findall(
        r"(?i)(?:password|secret|key)\w*: *[\"']?[A-Za-z0-9]{6,}[\"']?$", text, re.M
    )
    assert literal == []


def test_celery_application_exists() -> None:
    texts = [_words(name) for name in ("jobs", "beat")]
    texts += [" ".join(_SERVICES[name]["healthcheck"]["test"]) for name in ("jobs", "beat")]
    applications = [re.findall(r"--app (\S+)", text) for text in texts]
    assert applications == [["gateway.celery_app"]] * 4
    assert find_spec("gateway.celery_app") is not None


def test_beat_is_asked_by_the_name_that_it_has() -> None:
    (name,) = re.findall(r"--hostname (\S+)", _words("beat"))
    assert _SERVICES["beat"]["healthcheck"]["test"][-2:] == ["--destination", name]
    assert "--enable-remote-control" in _words("beat")


def test_images_hold_what_they_copy() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", _DOCKERFILE, re.MULTILINE))
    targets = {service["build"]["target"] for service in _SERVICES.values() if "build" in service}
    assert targets == {"gateway", "worker"}
    assert targets <= stages
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", _DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            top = source if f"!{source}" in ignored else source.split("/")[0]
            assert f"!{top}" in ignored, source


def test_gateway_image_has_no_torch() -> None:
    stage = _DOCKERFILE.split("FROM base AS gateway")[1].split("\nFROM ")[0]
    assert "torch" not in stage
    assert "torch" not in _DOCKERFILE.split("FROM base AS gateway")[0].replace(
        "(no torch)", ""
    ).replace("(torch, CPU)", "")
    locked = (ROOT / "deploy" / "requirements.lock").read_text("utf-8")
    assert not re.search(r"^(torch|pytest|transformers)==", locked, re.MULTILINE)


def test_lock_of_the_images_is_part_of_the_lock() -> None:
    whole = _pins(ROOT / "requirements.lock")
    images = _pins(ROOT / "deploy" / "requirements.lock")
    assert len(images) > 60
    assert images.items() <= whole.items()


def test_secrets_script_makes_every_secret_once(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "make-secrets.sh", tmp_path / "deploy")
    made: list[dict[str, str]] = []
    printed = ""
    for _ in range(2):
        printed += subprocess.run([script], capture_output=True, text=True, check=True).stdout
        lines = (tmp_path / ".env").read_text().splitlines()
        made.append(dict(line.split("=", 1) for line in lines))
    assert made[0] == made[1]
    assert not any(value in printed for value in made[0].values())
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(made[0])
    for secret in _COMPOSE["secrets"].values():
        assert len((tmp_path / secret["file"]).read_bytes()) >= 32
    assert os.stat(tmp_path / ".env").st_mode & 0o077 == 0


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\S+)==(\S+) \\$", path.read_text("utf-8"), re.MULTILINE))
