"""The site of ``support.failing_site``, once for each module."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.deployment import gateway
from support.failing_site import Place, Servers, configuration
from support.faults import Site
from support.full_backlog import full_backlog
from support.processes import answers, free_port, running


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(4)]
    directory = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        for number, url in enumerate(urls):
            stack.enter_context(
                running(
                    [sys.executable, "-m", "support.faulty_upstream", url.rpartition(":")[2]],
                    ready=answers(f"{url}/v1/models"),
                    log=directory / f"{number}.log",
                    env={"PYTHONPATH": str(Path(__file__).parents[2])},
                )
            )
        yield Servers(urls)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("gateway")
    with (
        full_backlog() as silent,
        gateway(directory, configuration(directory, servers, silent)) as deployment,
        ThreadPoolExecutor(24) as clients,
    ):
        site = Site(deployment, servers)
        yield Place(site, servers, clients)
        site.check(proofs=True)
