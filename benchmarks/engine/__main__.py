"""Tokens a second of our engine, llama.cpp and transformers with SmolLM2-135M, side by side.

    python -m benchmarks.engine [--http] [--streams 1,16] [--threads 1] [--rounds 5] [--tokens 64]
        [--only int8,Q8_0] [--json]

Rounds are interleaved, one system at a time; a figure is the median of its rounds. ``--http``
measures servers and their answers as a whole: ours and llama.cpp's.
"""

import argparse
import json
import tempfile
from pathlib import Path

import gguf

from benchmarks.engine.processes import Medians, interleaved
from benchmarks.engine.weights import hugging_face, requantised
from inference.convert.gguf_source import default_source

STREAMS = (1, 16)
PAIRS = (
    # ours, whom it is beside, at least so many times as fast with 1 and with 16 streams
    ("ours int8", "llama.cpp Q8_0", 1.0, 2.0),
    ("ours int4", "llama.cpp Q4_0", 1.0, 2.0),
    ("ours int4", "llama.cpp Q4_1", 1.0, 2.0),
    ("ours int8", "transformers bfloat16", 4.0, 10.0),
    ("ours int8", "transformers float32", 4.0, 10.0),
    ("ours bfloat16", "transformers bfloat16", 4.0, 10.0),
)


def weights_of(folder: Path) -> dict[str, Path]:
    dense = hugging_face(folder / "dense")
    formats = gguf.GGMLQuantizationType
    return {
        "ours int8": dense,
        "llama.cpp Q8_0": requantised(folder / "q8_0.gguf", formats.Q8_0),
        "ours int4": dense,
        "llama.cpp Q4_0": requantised(folder / "q4_0.gguf", formats.Q4_0),
        "llama.cpp Q4_1": default_source(),
        "ours bfloat16": dense,
        "transformers bfloat16": dense,
        "transformers float32": dense,
    }


def measure(options: argparse.Namespace, streams: tuple[int, ...]) -> Medians:
    module = "benchmarks.engine.servers" if options.http else "benchmarks.engine.systems"
    only = options.only.split(",") if options.only else None
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: path
            for name, path in weights_of(Path(folder)).items()
            if not (options.http and name.startswith("transformers"))
            and (only is None or name.split(" ")[1] in only)
        }
        return interleaved(files, module, options.threads, options.rounds, options.tokens, streams)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--streams", default=",".join(map(str, STREAMS)))
    parser.add_argument("--only", help="formats of weights, by commas", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    return parser


def main() -> None:
    options = arguments().parse_args()
    streams = tuple(int(count) for count in options.streams.split(","))
    found = measure(options, streams)
    if options.json:
        print(json.dumps(found))
        return
    print(f"tokens a second, {options.threads} threads, median of {options.rounds} rounds")
    for name, speeds in found.items():
        print(f"{name:24}" + "".join(f"{n:4} streams {v:8.1f}" for n, v in speeds.items()))
    for name, other, one, many in PAIRS:
        if name not in found or other not in found:
            continue
        ratios = (
            f"{found[name][n] / found[other][n]:.2f} with {n} (asked {one if n == 1 else many})"
            for n in streams
        )
        print(f"{name} / {other}: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
