"""Puts the commands together; each group's commands live beside what they command.

A command's modules are imported when it is named, and what it needs when it runs: those of all
commands take more than a second, which only the list of them (``sovgate --help``) waits for.
"""

import sys
from importlib import import_module, metadata
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from core.errors import SovgateError

_HOMES: Final = {
    "demo": "gateway.cli.run:demo",
    "serve": "gateway.cli.run:serve",
    "mask": "gateway.cli.explain:mask",
    "route": "gateway.cli.explain:route",
    "plan": "gateway.cli.plan:plan",
    "eval": "gateway.cli.evaluate:evaluate",
    "worker": "inference.cli:worker_app",
    "model": "inference.cli:model_app",
    "db": "gateway.cli.run:db_app",
    "organisation": "gateway.tenants.cli.organisations:organisation_app",
    "tenant": "gateway.tenants.cli.tenants:tenant_app",
    "project": "gateway.tenants.cli.projects:project_app",
    "key": "gateway.tenants.cli.keys:key_app",
    "user": "gateway.tenants.cli.users:user_app",
    "budget": "gateway.tenants.cli.budgets:budget_app",
    "audit": "gateway.cli.audit:audit_app",
    "report": "gateway.cli.report:report_app",
    "billing": "gateway.cli.billing:billing_app",
    "invoice": "gateway.cli.invoice:invoice_app",
    "prices": "gateway.cli.prices:prices_app",
    "job": "gateway.cli.jobs:job_app",
    "upstream": "gateway.cli.upstream:upstream_app",
    "vault": "gateway.vault.cli:vault_app",
}


class _Commands(TyperGroup):
    """Those of ``_HOMES``."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _HOMES:
            return None
        module, _, name = _HOMES[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        parent = typer.Typer()
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=cmd_name)
        else:
            parent.command(cmd_name)(found)
        return get_group(parent).commands[cmd_name]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sovgate {metadata.version('sovgate')}")
        raise typer.Exit


app = typer.Typer(
    name="sovgate",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # tracebacks with local variables would show content
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show it.")
    ] = False,
) -> None:
    """The AI gateway with sovereign guardrails."""


def main() -> None:
    """Run a command; an expected failure is one line on standard error and status 1."""
    try:
        app()
    except SovgateError as error:
        print(f"sovgate: {error.message} [{error.code}]", file=sys.stderr)
        raise SystemExit(1) from None
