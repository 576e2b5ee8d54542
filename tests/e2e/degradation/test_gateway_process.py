"""The gateway's own process stopped, out of file handles; upstream processes killed:
docs/degradation.md."""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from support.deployment import KEYS, Capture, gateway, settings
from support.faults import HANGS_S, HELLO, Answer, Site
from support.processes import answers, free_port, paused, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, upstream: Capture) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("gateway")
    with gateway(directory, settings(directory, upstream.url)) as deployment:
        site = Site(deployment, upstream)
        site.serves()
        yield site
        site.check(proofs=True)


@contextmanager
def few_files(pid: int) -> Iterator[None]:
    """The process has as many files open as it may."""
    opened = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_stopped_in_the_midst_of_streams(site: Site) -> None:
    site.capture.script(event_delay_s=0.05, content="word " * 12)
    try:
        with ThreadPoolExecutor(4) as pool:
            running_requests = [pool.submit(site.ask, stream=True) for _ in range(4)]
            time.sleep(0.4)
            with paused(site.deployment.server.pid):
                time.sleep(1.5)
            streams = [each.result() for each in running_requests]
        assert all(stream.is_complete for stream in streams)
    finally:
        site.capture.script()
    site.serves()
    site.check()


def test_out_of_file_handles(site: Site) -> None:
    """New connections cannot be taken and no upstream reached; what is refused is refused
    whole, and all goes on as soon as there are handles again."""
    pid = site.deployment.server.pid
    with few_files(pid), ThreadPoolExecutor(8) as pool:

        def attempt(number: int) -> Answer | None:
            with suppress(httpx.TransportError):
                return site.ask(stream=number % 2 == 0)
            return None

        got = [answer for answer in pool.map(attempt, range(16)) if answer is not None]
    for answer in got:
        assert answer.is_complete or answer.status in {502, 503}, answer.text
    site.recovers(lambda: site.readiness()[0] == 200)
    site.serves()
    site.check()


def _answer_of_killed(upstream: subprocess.Popen[bytes], site: Site) -> Answer:
    """What a client gets of a stream whose upstream is killed after the first piece."""
    url = f"{site.deployment.base_url}/chat/completions"
    body = {"model": "flash", "messages": HELLO, "stream": True}
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    with httpx.stream("POST", url, json=body, headers=headers, timeout=HANGS_S) as response:
        pieces = response.iter_text()
        begun = next(pieces)
        upstream.kill()
        upstream.wait()
        answer = Answer(response.status_code, response.headers, begun + "".join(pieces))
    site.answered.append(answer.id)
    return answer


def test_an_upstream_killed_in_mid_stream(
    site: Site, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its process is gone (SIGKILL), then there is a new one at the same address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "support.capture_upstream", str(port)]
    started = {
        "ready": answers(f"{url}/v1/models"),
        "env": {"PYTHONPATH": str(Path(__file__).parents[2])},
    }
    directory = tmp_path_factory.mktemp("beside")
    content = settings(directory, url)
    with running(command, log=tmp_path / "one.log", **started) as server:
        first = Capture(url)
        first.script(event_delay_s=0.05, content="word " * 100)
        with gateway(directory, content) as deployment:
            beside = Site(deployment, first)
            answer = _answer_of_killed(server.process, beside)
            assert answer.is_stream
            assert answer.code == "upstream_error"
            assert beside.ask().code == "upstream_unreachable"
            with running(command, log=tmp_path / "two.log", **started):
                beside.serves()
                books = beside.check()
    record = books.records[answer.id]
    assert (record["outcome"], record["error_code"]) == ("error", "upstream_error")
    assert record["tokens"]["estimated"]
    assert books.cost(answer.id) > 0
