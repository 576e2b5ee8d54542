"""Puts the commands together; each group's commands live beside what they command.

A command's modules are imported when it is named, and what it needs when it runs: those of all
commands take more than a second, so the list of them (``sovgate --help``) imports none.
"""

import sys
from importlib import import_module, metadata
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from core.errors import SovgateError


class _Command(NamedTuple):
    """Where a command or a group of them lives, and the first line of its help."""

    home: str
    help: str


_COMMANDS: Final = {
    "demo": _Command(
        "gateway.cli.run:demo",
        "Start a fresh embedded deployment: gateway, one worker, two example tenants.",
    ),
    "serve": _Command(
        "gateway.cli.run:serve", "Start the gateway that a configuration file describes."
    ),
    "mask": _Command(
        "gateway.cli.explain:mask",
        "Show what the privacy guard finds in a text, why, and what an upstream would get.",
    ),
    "route": _Command(
        "gateway.cli.explain:route", "Show which tier a prompt would go to, and why."
    ),
    "plan": _Command(
        "gateway.cli.plan:plan",
        "GPUs or NPUs for DeepSeek-V4, their cost, and from where they are cheaper than APIs.",
    ),
    "eval": _Command(
        "gateway.cli.evaluate:evaluate", "Judge a guard or the router on a labelled file."
    ),
    "worker": _Command("inference.cli:worker_app", "Run inference workers."),
    "model": _Command("inference.cli:model_app", "Make, sign and check model checkpoints."),
    "db": _Command("gateway.cli.run:db_app", "The database."),
    "organisation": _Command(
        "gateway.tenants.cli.organisations:organisation_app", "Tenants that share budgets."
    ),
    "tenant": _Command("gateway.tenants.cli.tenants:tenant_app", "Tenants: the units kept apart."),
    "project": _Command("gateway.tenants.cli.projects:project_app", "Projects: parts of a tenant."),
    "key": _Command("gateway.tenants.cli.keys:key_app", "Virtual API keys of applications."),
    "user": _Command("gateway.tenants.cli.users:user_app", "Administrator accounts."),
    "budget": _Command("gateway.tenants.cli.budgets:budget_app", "Upper bounds of spending."),
    "audit": _Command("gateway.cli.audit:audit_app", "Export and verify the audit trail."),
    "report": _Command("gateway.cli.report:report_app", "Usage and billing reports."),
    "billing": _Command("gateway.cli.billing:billing_app", "The ledger."),
    "invoice": _Command("gateway.cli.invoice:invoice_app", "Invoices and credit notes."),
    "prices": _Command("gateway.cli.prices:prices_app", "The price book."),
    "job": _Command("gateway.cli.jobs:job_app", "Exports, checks, retention, alerts, drafts."),
    "upstream": _Command("gateway.cli.upstream:upstream_app", "Where models run."),
    "vault": _Command(
        "gateway.vault.cli:vault_app", "What conversations remember of masked values, sealed."
    ),
}


class _Commands(TyperGroup):
    """Those of ``_COMMANDS``."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].home.partition(":")
        found = getattr(import_module(module), name)
        parent = typer.Typer()
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=cmd_name)
        else:
            parent.command(cmd_name)(found)
        return get_group(parent).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        shown = [TyperCommand(name, help=known.help) for name, known in _COMMANDS.items()]
        listed = TyperGroup(
            name=self.name,
            help=self.help,
            params=self.params,
            commands=shown,
            rich_markup_mode=self.rich_markup_mode,
        )
        listed.format_help(ctx, formatter)


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
