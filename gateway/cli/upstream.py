"""``sovgate upstream``: list, create, delete. Running gateways follow within seconds."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.clock import isoformat
from gateway.errors import InvalidRequest
from gateway.tenants.cli.deployment import (
    ConfigOption,
    Deployment,
    JsonOption,
    ReasonOption,
    Row,
    run,
    show,
    show_all,
)

if TYPE_CHECKING:
    from gateway.upstreams.definition import UpstreamSpec
    from gateway.upstreams.models import StoredUpstream
    from gateway.upstreams.service import UpstreamService

upstream_app = typer.Typer(no_args_is_help=True, help="Where models run.")


@upstream_app.command("list")
def list_upstreams(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List upstreams of the configuration file and of the database."""

    async def task(deployment: Deployment) -> list[Row]:
        of_file = [
            {
                "name": each.name,
                "kind": each.kind,
                "zone": each.zone,
                "models": each.models,
                "origin": "file",
                "version": None,
                "updated_at": None,
            }
            for each in deployment.settings.upstreams
        ]
        return [*of_file, *map(_row, await _service(deployment).all())]

    columns = ("name", "kind", "zone", "origin", "models", "version", "updated_at")
    show_all(run(config, task), columns, as_json=as_json)


@upstream_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Unique name.")],
    zone: Annotated[str, typer.Option(help="Residency zone.")],
    models: Annotated[list[str], typer.Option("--model", help="A model; may be repeated.")],
    urls: Annotated[
        list[str],
        typer.Option("--url", help="Base URL; of a pool (no /v1) it may be repeated."),
    ],
    kind: Annotated[str, typer.Option(help="'openai' or 'pool'.")] = "openai",
    api_key_env: Annotated[
        str | None, typer.Option(help="The gateways' environment variable with its API key.")
    ] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an upstream to the database; egress says where it may be."""

    async def task(deployment: Deployment) -> Row:
        addresses: dict[str, Any] = {"workers": urls} if kind == "pool" else {"base_url": urls[0]}
        if kind != "pool" and len(urls) != 1:
            raise InvalidRequest("Give one --url; a pool takes several.", param="url")
        spec = _spec(
            name=name, kind=kind, zone=zone, models=models, api_key_env=api_key_env, **addresses
        )
        row = await _service(deployment).create(spec)
        await deployment.record(None, "upstream.create", name, after=row.definition)
        return _row(row)

    show(run(config, task, reason=reason), as_json=as_json, text=f"Created upstream {name}.")


@upstream_app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(help="Its name.")],
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete an upstream of the database; requests under way end with it."""

    async def task(deployment: Deployment) -> Row:
        rows = _service(deployment)
        row = await rows.lock(name)
        gone = _row(row)
        await rows.delete(row)
        await deployment.record(None, "upstream.delete", name, before=gone["definition"])
        return gone

    show(run(config, task, reason=reason), as_json=as_json, text=f"Deleted upstream {name}.")


def _service(deployment: Deployment) -> "UpstreamService":
    from gateway.upstreams.definition import DefinitionRules
    from gateway.upstreams.service import UpstreamService

    rules = DefinitionRules(deployment.settings)
    return UpstreamService(deployment.session, deployment.clock, rules)


def _spec(**fields: Any) -> "UpstreamSpec":
    from pydantic import ValidationError

    from gateway.upstreams.definition import UpstreamSpec
    from gateway.upstreams.errors import UpstreamDefinitionError

    try:
        return UpstreamSpec.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "upstream"
        message = first["msg"].removeprefix("Value error, ")
        raise UpstreamDefinitionError(f"{where}: {message}.", param=where) from None


def _row(row: "StoredUpstream") -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.definition["kind"],
        "zone": row.zone,
        "models": row.definition["models"],
        "origin": "database",
        "version": row.version,
        "definition": row.definition,
        "updated_at": isoformat(row.updated_at),
    }
