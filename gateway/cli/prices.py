"""``sovgate prices``: what is charged and why, and how prices come into the book."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import ConfigOption, JsonOption, print_json, print_table
from gateway.cli.prices_book import (
    PriceSource,
    archive_entry,
    open_book,
    parse_instant,
    store_plan,
)
from gateway.errors import InvalidRequest

prices_app = typer.Typer(help="The price book.", no_args_is_help=True)

ModelsOption = Annotated[
    str | None,
    typer.Option(
        "--models", help="Comma-separated; * and ? match. Default: those of the deployment."
    ),
]
LitellmOption = Annotated[
    bool, typer.Option("--litellm", help="From the price map of the installed litellm.")
]
MapOption = Annotated[
    Path | None, typer.Option("--map", help="From this file of litellm's price map.")
]
FileOption = Annotated[
    Path | None, typer.Option("--file", help="From a YAML file with `prices:` and `price_book:`.")
]
PrefixOption = Annotated[
    str,
    typer.Option(
        help="Only models of the map whose name begins so, priced without it: `deepseek/`."
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option("--effective-from", help="Date or instant of the map's prices; default: now."),
]
AtOption = Annotated[
    str | None, typer.Option("--at", help="Date (its first instant in UTC) or instant; now.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Kept with the entries and in the audit trail.")
]


@prices_app.command("list")
def list_prices(
    model: Annotated[str | None, typer.Option(help="Only of these; * and ? match.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only what holds for this tenant.")] = None,
    at: AtOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Ended, shadowed and archived ones too.")
    ] = False,
    unpriced: Annotated[
        bool, typer.Option("--unpriced", help="Instead: models of the deployment without a price.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Entries of the settings file and of the database, and where each one stands."""
    from gateway.cli.prices_output import entry_row
    from gateway.prices import served_models, unpriced_models

    instant = parse_instant(at)
    opened = open_book(config)
    if unpriced:
        models = served_models(opened.settings)
        missing = unpriced_models(models, opened.catalogue.book, instant)
        (print_json if as_json else print_table)([{"model": name} for name in missing])
        return
    entries = opened.catalogue.select(instant, model=model, tenant=tenant, everything=everything)
    if as_json:
        print_json([entry.to_json() | {"state": state.value} for entry, state in entries])
    else:
        print_table([entry_row(entry, state) for entry, state in entries])


@prices_app.command("diff")
def diff(
    litellm: LitellmOption = False,
    price_map: MapOption = None,
    file: FileOption = None,
    models: ModelsOption = None,
    provider_prefix: PrefixOption = "",
    effective_from: FromOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What taking prices from litellm's map or from a file would change; nothing is stored."""
    from gateway.cli.prices_output import print_plan

    source = PriceSource(litellm, price_map, file, models, provider_prefix, effective_from)
    plan = source.plan(open_book(config))
    if as_json:
        print_json(plan.to_json())
    else:
        print_plan(plan)


@prices_app.command("import")
def import_prices(
    litellm: LitellmOption = False,
    price_map: MapOption = None,
    file: FileOption = None,
    models: ModelsOption = None,
    provider_prefix: PrefixOption = "",
    effective_from: FromOption = None,
    replace: Annotated[
        list[str] | None, typer.Option(help="Archive this entry for them, by id; repeatable.")
    ] = None,
    reason: ReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take prices into the database, once you have seen what changes.

    All of them or none are stored. A new version ends the open one of its model.
    """
    from gateway.cli.prices_output import print_plan

    if as_json and not (yes or dry_run):
        raise InvalidRequest("--json cannot ask; add --yes or --dry-run.", param="yes")
    source = PriceSource(litellm, price_map, file, models, provider_prefix, effective_from)
    opened = open_book(config)
    plan = source.plan(opened)
    if not as_json:
        print_plan(plan)
    wanted = plan.additions() and not dry_run
    if wanted and not yes and not typer.confirm(f"Store {len(plan.additions())} entries?"):
        raise typer.Exit(1)
    stored = store_plan(config, plan, opened.revision, replace or [], reason) if wanted else []
    if as_json:
        print_json(plan.to_json() | {"stored": stored})
    elif wanted:
        print(f"{len(stored)} entries stored.")


@prices_app.command("archive")
def archive(
    entry_id: Annotated[str, typer.Argument(help="Id, as `prices list --all` shows it.")],
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take an entry of the database out of the book; what was billed stays as it is."""
    entry = archive_entry(config, entry_id, reason).to_json()
    if as_json:
        print_json(entry)
    else:
        print(f"Archived the {entry['label']} ({entry_id}).")


@prices_app.command("explain")
def explain_price(
    model: Annotated[str, typer.Argument(help="As it is asked for upstream, or an alias.")],
    at: AtOption = None,
    tenant: Annotated[str | None, typer.Option(help="Whose request.")] = None,
    input_tokens: Annotated[int, typer.Option("--input", min=0, help="Uncached input.")] = 0,
    cached_input: Annotated[int, typer.Option(min=0, help="Cached input.")] = 0,
    cache_write: Annotated[int, typer.Option(min=0, help="Written into a cache.")] = 0,
    output: Annotated[int, typer.Option(min=0, help="Output.")] = 0,
    reasoning: Annotated[int, typer.Option(min=0, help="Reasoning.")] = 0,
    guard: Annotated[int, typer.Option(min=0, help="Of guards that are models.")] = 0,
    embedding: Annotated[int, typer.Option(min=0, help="Embedded input.")] = 0,
    seconds: Annotated[str, typer.Option(help="Worker-seconds.")] = "0",
    batch: Annotated[bool, typer.Option("--batch", help="A batch request.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Which rate holds for a request and why, and what it comes to."""
    from billing import Usage
    from billing.prices.explain import explain
    from core.money import parse_amount
    from gateway.cli.prices_output import print_explanation

    usage = Usage(
        input_tokens=input_tokens,
        cached_input_tokens=cached_input,
        cache_write_tokens=cache_write,
        output_tokens=output,
        reasoning_tokens=reasoning,
        guard_tokens=guard,
        embedding_tokens=embedding,
        worker_seconds=parse_amount(seconds),
    )
    book, instant = open_book(config).catalogue.book, parse_instant(at)
    explanation = explain(book, model, instant, usage, tenant=tenant, batch=batch).to_json()
    if as_json:
        print_json(explanation)
    else:
        print_explanation(explanation)
