"""``sovgate user``: create, list."""

import os
from typing import Annotated

import typer

from core.clock import isoformat
from gateway.tenants.accounts import AccountRepository
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
from gateway.tenants.models import User
from gateway.tenants.names import check_email, check_password
from gateway.tenants.passwords import Passwords
from gateway.tenants.roles import Grant, Role
from gateway.tenants.users import UserService

user_app = typer.Typer(no_args_is_help=True, help="Administrator accounts.")


@user_app.command("create")
def create(
    email: Annotated[str, typer.Argument(help="Address to sign in with.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.VIEWER,
    tenant: Annotated[
        str | None, typer.Option(help="Only for this tenant; for all of them otherwise.")
    ] = None,
    password_env: Annotated[
        str | None,
        typer.Option(help="Environment variable with the password; asked for otherwise."),
    ] = None,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an account with one role."""
    password = _password(password_env)

    async def task(deployment: Deployment) -> Row:
        hashed = await Passwords().hash(check_password(password))
        grant = Grant(role, tenant)
        users = UserService(deployment.session, deployment.clock)
        user = await users.create(check_email(email), hashed, [grant])
        after = {"id": user.id, "role": role.value, "tenant": tenant}
        await deployment.record(None, "user.create", user.id, after=after)
        return _row(user, (grant,))

    row = run(config, task, reason=reason)
    show(row, as_json=as_json, text=f"Created account {row['id']} as {role}.")


@user_app.command("list")
def list_users(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all accounts and their roles."""

    async def task(deployment: Deployment) -> list[Row]:
        accounts = AccountRepository(deployment.session)
        users = await accounts.all(None)
        grants = await accounts.grants_of([user.id for user in users])
        return [_row(user, grants[user.id]) for user in users]

    rows = run(config, task)
    if not as_json:
        rows = [{**row, "roles": ", ".join(map(_label, row["roles"]))} for row in rows]
    show_all(rows, ("id", "email", "disabled", "roles"), as_json=as_json)


def _password(variable: str | None) -> str:
    if variable is None:
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    password = os.environ.get(variable)
    if not password:
        typer.echo(f"sovgate: The environment variable {variable} is not set.", err=True)
        raise typer.Exit(1)
    return password


def _label(role: dict[str, str | None]) -> str:
    return f"{role['role']}@{role['tenant'] or '*'}"


def _row(user: User, grants: tuple[Grant, ...]) -> Row:
    return {
        "id": user.id,
        "email": user.email,
        "disabled": user.disabled,
        "roles": [{"role": grant.role.value, "tenant": grant.tenant} for grant in grants],
        "created_at": isoformat(user.created_at),
    }
