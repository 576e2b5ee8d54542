"""``make torture``: gateways killed at random moments, 200 times, and not a record lost.

    python -m conformance.torture [--rounds 200] [--sqlite-share 0.2] [--seed 7]

Two gateways with one PostgreSQL and one Valkey (and one gateway on SQLite) serve mixed
traffic; one after the other is killed with SIGKILL and started again at once, every fifth
while it starts. The upstream survives and remembers each request id. In the end the
requests that it saw are the audit records with an upstream and the settlements, none twice;
no money is held; the chain and the ledger verify.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[2] / "tests"
if str(_TESTS) not in sys.path:
    sys.path.append(str(_TESTS))

from conformance.torture.rig import Tally, torture  # noqa: E402
from support.deployment import SECRETS, capture_upstream  # noqa: E402
from support.forking import Forker, forker  # noqa: E402
from support.postgres import postgres_server  # noqa: E402
from support.site import POOR_KEY  # noqa: E402
from support.valkey import valkey_server  # noqa: E402


def main() -> None:
    options = _options()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    on_sqlite = round(options.rounds * options.sqlite_share)
    secrets = {**SECRETS, "SOV_KEY_POOR": POOR_KEY}
    with forker(secrets) as parent:
        for name, rounds in (("postgresql", options.rounds - on_sqlite), ("sqlite", on_sqlite)):
            if rounds:
                start = time.monotonic()
                tally = _run(name, rounds, options, parent)
                _print(name, tally, time.monotonic() - start)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--sqlite-share", type=float, default=0.2, help="of the rounds")
    parser.add_argument("--rate", type=float, default=16.0, help="requests a second")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def _run(name: str, rounds: int, options: argparse.Namespace, parent: Forker) -> Tally:
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="sovgate-torture-")
        directory = Path(stack.enter_context(folder))
        url = f"sqlite+aiosqlite:///{directory}/sovgate.db"
        if name == "postgresql":
            url = stack.enter_context(_postgres())
        valkey = stack.enter_context(valkey_server(directory))
        capture = stack.enter_context(capture_upstream(directory, keep_bodies=False))
        return torture(
            directory,
            capture,
            parent,
            url,
            valkey,
            rounds=rounds,
            rate=options.rate,
            seed=options.seed,
        )


@contextmanager
def _postgres() -> Iterator[str]:
    # It runs as another account, which has to reach its folder.
    with (
        tempfile.TemporaryDirectory(prefix="sovgate-torture-") as directory,
        postgres_server(Path(directory)) as url,
    ):
        yield f"{url}/postgres"


def _print(name: str, tally: Tally, seconds: float) -> None:
    print(f"\n{name}: {tally.rounds} kills ({tally.while_starting} of them while starting)")
    print(f"  {tally.requests} requests in {seconds:.0f} s; by kind and status:")
    for (kind, status), count in sorted(tally.answers.items()):
        print(f"    {kind:16}{status or 'no answer':>10}{count:8}")
    print(f"  seen by the upstream           {tally.seen:8}")
    print(f"  audit records                  {tally.recorded:8}  {dict(tally.outcomes)}")
    print(f"  with an upstream               {tally.called:8}")
    print(f"  settled or released            {tally.settled:8}")
    print(f"  called on record, never seen   {len(tally.unseen):8}  (killed before connecting)")
    print("  twice: 0; leases and held money: 0; ledger and chains verify")


if __name__ == "__main__":
    main()
