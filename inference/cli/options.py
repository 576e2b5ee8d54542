"""Options that several commands take, and how they answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import SovgateError

if TYPE_CHECKING:
    from inference.kernels.registry import Weights

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
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
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda or npu.")]
DtypeOption = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]
MaxBatchOption = Annotated[int, typer.Option(help="Sequences in one step.")]
KvBlocksOption = Annotated[int, typer.Option(help="Cache blocks of 16 tokens.")]
SnapshotsOption = Annotated[
    int, typer.Option(help="Running states remembered at block ends (DeepSeek-V4).")
]
GuessesOption = Annotated[
    int, typer.Option(min=0, max=15, help="Tokens guessed after each one; 0: none.")
]
KvDtypeOption = Annotated[
    str,
    typer.Option(help="Of DeepSeek-V4's cache: auto (as --dtype), fp8, fp8-mxfp4 (indexer)."),
]
TensorParallelOption = Annotated[
    int, typer.Option(min=1, help="Processes that share heads and widths.")
]
ExpertParallelOption = Annotated[
    int, typer.Option(min=1, help="Processes that share experts; times --tensor-parallel.")
]
RedundantExpertsOption = Annotated[
    int, typer.Option(min=0, help="Copies of busy experts in each layer.")
]


@contextmanager
def reported(as_json: bool = False) -> Iterator[None]:
    """Turns an expected failure into one line on stderr and exit code 1."""
    try:
        yield
    except SovgateError as error:
        if as_json:
            typer.echo(json.dumps({"ok": False, "code": error.code, "message": error.message}))
        typer.echo(f"error: {error.message} [{error.code}]", err=True)
        raise typer.Exit(1) from None


def show(as_json: bool, value: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(value) if as_json else text)


def weights_of(text: str) -> "Weights":
    from inference.kernels.registry import WEIGHTS

    if text not in WEIGHTS:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(WEIGHTS)}.")
    return text
