"""``make conformance``: every check against a gateway started for it.

    python -m conformance --tools .venv-conformance/bin [--quick] [--out DIR]

Prints a table for the documentation and writes ``summary.json``; exits with 1 when anything is
not right. ``--quick`` leaves the exhaustive cuts out (some minutes).
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from conformance import chunks, leaks, seven
from conformance.deployment import KEY, free_port, gateway
from conformance.results import Result, as_json, markdown
from conformance.upstream import scripted_upstream


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="bin of the tools' environment")
    parser.add_argument("--quick", action="store_true", help="leave the exhaustive cuts out")
    parser.add_argument("--out", type=Path, help="folder for reports; a temporary one without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conformance-") as temporary:
        out = options.out or Path(temporary) / "reports"
        out.mkdir(parents=True, exist_ok=True)
        results: list[Result] = []
        for result in _all(options.tools.resolve(), Path(temporary), out, options.quick):
            print(f"{'ok ' if result.passed else 'NO '} {result.group}: {result.name}"
                  f" ({result.measured})", file=sys.stderr, flush=True)  # fmt: skip
            results.append(result)
        print(markdown(results))
        (out / "summary.json").write_text(as_json(results), "utf-8")
    return 0 if all(result.passed for result in results) else 1


def _all(tools: Path, directory: Path, out: Path, quick: bool) -> Iterator[Result]:
    selfcheck, split = free_port(), free_port()
    with scripted_upstream() as upstream:
        ports = {"scripted": upstream.port, "selfcheck": selfcheck, "response-split": split}
        with gateway(directory, ports) as base_url:
            yield from seven.run(base_url, KEY, upstream)
            yield from chunks.in_process(tools)
            yield from chunks.over_http(tools, base_url, KEY, upstream)
            yield from leaks.selfchecks(tools, base_url, KEY, selfcheck, out)
            for exhaustive in (False,) if quick else (False, True):
                yield from leaks.response_split(
                    tools, base_url, KEY, split, out, exhaustive=exhaustive
                )


if __name__ == "__main__":
    sys.exit(main())
