"""``sovgate worker ...``: serve a checkpoint, and say what a device can run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inference.cli.options import (
    DeviceOption,
    DtypeOption,
    ExpertParallelOption,
    GuessesOption,
    JsonFlag,
    KvBlocksOption,
    KvDtypeOption,
    MaxBatchOption,
    RedundantExpertsOption,
    SnapshotsOption,
    TensorParallelOption,
    TrustedKey,
    WeightsOption,
    reported,
    show,
    weights_of,
)

if TYPE_CHECKING:
    from inference.models.deepseek_v4.cache import KvDtype
    from inference.server.serve import Alias

worker_app = typer.Typer(no_args_is_help=True, help="Run inference workers.")


@worker_app.command()
def serve(
    model: Annotated[Path, typer.Option(help="Checkpoint directory.")],
    device: DeviceOption = "cpu",
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
    dtype: DtypeOption = "auto",
    weights: WeightsOption = "auto",
    max_batch: MaxBatchOption = 16,
    max_queue: Annotated[int, typer.Option(help="Waiting requests; more get 429.")] = 256,
    kv_blocks: KvBlocksOption = 1024,
    prefix_cache: Annotated[
        bool, typer.Option(help="Prompts that begin alike share what is computed of it.")
    ] = True,
    snapshots: SnapshotsOption = 64,
    guesses: GuessesOption = 0,
    kv_dtype: KvDtypeOption = "auto",
    tensor_parallel: TensorParallelOption = 1,
    expert_parallel: ExpertParallelOption = 1,
    expert_loads: Annotated[
        Path | None,
        typer.Option(help="File that keeps how often experts were used, to place them by."),
    ] = None,
    redundant_experts: RedundantExpertsOption = 0,
    rebalance_steps: Annotated[
        int,
        typer.Option(
            min=0, help="After so many steps, place experts anew by their load; 0: at the start."
        ),
    ] = 0,
    exchange_seconds: Annotated[
        float,
        typer.Option(min=0.1, help="After which a silent process of several counts as lost."),
    ] = 60.0,
    graphs: Annotated[
        bool, typer.Option(help="On CUDA, capture decode steps as graphs before being ready.")
    ] = True,
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

    with reported():
        run(
            ServeOptions(
                model=model,
                host=host,
                port=port,
                name=name,
                aliases=tuple(parse_alias(item) for item in alias or []),
                default_max_tokens=default_max_tokens,
                chat_generation=chat_generation,
                shutdown_seconds=shutdown_seconds,
                trusted_key=trusted_key,
                allow_unsigned=allow_unsigned,
                engine=EngineOptions(
                    device=device,
                    dtype=dtype,
                    weights=weights_of(weights),
                    kv_blocks=kv_blocks,
                    prefix_cache=prefix_cache,
                    snapshots=snapshots,
                    guesses=guesses,
                    threads=threads,
                    kv_dtype=_kv_dtype(kv_dtype),
                    layout=Layout(tensor_parallel, expert_parallel),
                    expert_loads=expert_loads,
                    redundant_experts=redundant_experts,
                    rebalance_steps=rebalance_steps,
                    exchange_seconds=exchange_seconds,
                    graphs="auto" if graphs else "off",
                    limits=SchedulerLimits(max_batch=max_batch, max_queue=max_queue),
                ),
            )
        )


@worker_app.command()
def doctor(
    model: Annotated[
        Path | None, typer.Option(help="Checkpoint directory: would it run here, and fit?")
    ] = None,
    device: DeviceOption = "cpu",
    dtype: DtypeOption = "auto",
    weights: WeightsOption = "auto",
    max_batch: MaxBatchOption = 16,
    kv_blocks: KvBlocksOption = 1024,
    snapshots: SnapshotsOption = 64,
    guesses: GuessesOption = 0,
    kv_dtype: KvDtypeOption = "auto",
    tensor_parallel: TensorParallelOption = 1,
    expert_parallel: ExpertParallelOption = 1,
    redundant_experts: RedundantExpertsOption = 0,
    graphs: Annotated[
        bool, typer.Option(help="On CUDA, count the memory of captured decode steps.")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Say what a device can run and what it cannot, without loading a weight."""
    from inference.devices.doctor import as_text, diagnose
    from inference.engine.loading import EngineOptions
    from inference.engine.scheduler import SchedulerLimits
    from inference.parallel import Layout

    with reported(as_json):
        options = EngineOptions(
            device=device,
            dtype=dtype,
            weights=weights_of(weights),
            kv_blocks=kv_blocks,
            snapshots=snapshots,
            guesses=guesses,
            kv_dtype=_kv_dtype(kv_dtype),
            layout=Layout(tensor_parallel, expert_parallel),
            redundant_experts=redundant_experts,
            graphs="auto" if graphs else "off",
            limits=SchedulerLimits(max_batch=max_batch),
        )
        told = diagnose(model, options)
        show(as_json, {"ok": not told["problem"], **told}, as_text(told))
    if told["problem"]:
        raise typer.Exit(1)


def _kv_dtype(text: str) -> "KvDtype":
    from inference.models.deepseek_v4.cache import KV_DTYPES

    for known in KV_DTYPES:
        if text == known:
            return known
    raise typer.BadParameter(f"{text!r} is none of {', '.join(KV_DTYPES)}.")


def parse_alias(text: str) -> "Alias":
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
