"""Puts the commands together; each group's commands live beside what they command.

Commands import what they need when they run, so that ``sovgate --help`` is quick.
"""

import sys
from importlib import metadata
from typing import Annotated

import typer

from core.errors import SovgateError
from gateway.audit.cli import audit_app
from gateway.audit.cli_anchors import anchors_command, checkpoints_command, witness_command
from gateway.audit.cli_keys import prove_command, rotate_key_command
from gateway.audit.cli_records import digest_command, list_command, show_command
from gateway.cli.billing import billing_app
from gateway.cli.evaluate import evaluate
from gateway.cli.explain import mask, route
from gateway.cli.invoice import invoice_app
from gateway.cli.jobs import job_app
from gateway.cli.plan import plan
from gateway.cli.prices import prices_app
from gateway.cli.profile import profile_app
from gateway.cli.reconciliation import reconciliation
from gateway.cli.report import report_app
from gateway.cli.run import db_app, demo, serve
from gateway.cli.savings import savings
from gateway.cli.upstream import upstream_app
from gateway.evidence.cli import register as register_evidence
from gateway.retention.cli import register as register_retention
from gateway.tenants.cli import (
    budget_app,
    key_app,
    organisation_app,
    project_app,
    tenant_app,
    user_app,
)
from gateway.vault.cli import vault_app
from inference.cli import model_app, worker_app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sovgate {metadata.version('sovgate')}")
        raise typer.Exit


app = typer.Typer(
    name="sovgate",
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


billing_app.add_typer(profile_app, name="profile")
register_retention(audit_app)
register_evidence(audit_app)
report_app.command()(savings)
audit_app.command("list")(list_command)
audit_app.command("show")(show_command)
audit_app.command("digest")(digest_command)
audit_app.command("prove")(prove_command)
audit_app.command("rotate-key")(rotate_key_command)
audit_app.command("checkpoints")(checkpoints_command)
audit_app.command("anchors")(anchors_command)
audit_app.command("witness")(witness_command)
report_app.command()(reconciliation)
app.command()(demo)
app.command()(serve)
app.command()(mask)
app.command()(route)
app.command()(plan)
app.command("eval")(evaluate)
for name, group in {
    "worker": worker_app,
    "model": model_app,
    "db": db_app,
    "organisation": organisation_app,
    "tenant": tenant_app,
    "project": project_app,
    "key": key_app,
    "user": user_app,
    "budget": budget_app,
    "audit": audit_app,
    "report": report_app,
    "billing": billing_app,
    "invoice": invoice_app,
    "prices": prices_app,
    "job": job_app,
    "upstream": upstream_app,
    "vault": vault_app,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run a command; an expected failure is one line on standard error and status 1."""
    try:
        app()
    except SovgateError as error:
        print(f"sovgate: {error.message} [{error.code}]", file=sys.stderr)
        raise SystemExit(1) from None
