"""Command line: write rows of one seed to a file."""

import argparse
import json
from pathlib import Path

from guardrails.training.structured.rows import make_rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m guardrails.training.structured")
    parser.add_argument("--n", type=int, default=2_000, help="rows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with options.out.open("w", encoding="utf-8") as file:
        for row in make_rows(options.n, options.seed):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
