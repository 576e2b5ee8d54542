"""The whole path: real SDK -> gateway process -> capture upstream process."""

from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings


@pytest.fixture(scope="session")
def _capture_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture
def capture(_capture_process: Capture) -> Capture:
    """The capture upstream, with an empty memory."""
    _capture_process.reset()
    return _capture_process


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway that the tests of a session share."""
    directory = tmp_path_factory.mktemp("gateway")
    with gateway(directory, settings(directory, _capture_process.url)) as deployment:
        yield deployment


@pytest.fixture
def client(deployment: Deployment) -> Iterator[OpenAI]:
    """The openai SDK as tenant acme."""
    with OpenAI(base_url=deployment.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        yield client


@pytest.fixture
def raw(deployment: Deployment) -> Iterator[httpx.Client]:
    """A bare HTTP client as tenant acme."""
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    with httpx.Client(base_url=deployment.base_url, headers=headers, timeout=30) as client:
        yield client
