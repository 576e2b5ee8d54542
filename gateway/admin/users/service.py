"""Administrator accounts over HTTP: who sees whom, with audit records."""

from gateway.admin.access import Actor
from gateway.admin.auth.schemas import RoleGrant
from gateway.admin.errors import Forbidden
from gateway.admin.permissions import Permission, scope
from gateway.admin.services import AdminServices
from gateway.admin.trail import record, record_revocation
from gateway.admin.users.schemas import User, UserCreate, UserList, UserUpdate
from gateway.tenants import models
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.errors import NotFound
from gateway.tenants.roles import Grant, Role
from gateway.tenants.users import UserService

Scope = frozenset[str] | None


async def list_users(services: AdminServices, actor: Actor) -> UserList:
    visible = scope(actor.grants, Permission.USERS_READ)
    async with services.database.session() as session:
        accounts = AccountRepository(session)
        rows = await accounts.all(visible)
        grants = await accounts.grants_of([row.id for row in rows])
    return UserList(items=[_view(row, grants[row.id], visible) for row in rows])


async def get_user(services: AdminServices, actor: Actor, user_id: str) -> User:
    visible = scope(actor.grants, Permission.USERS_READ)
    async with services.database.session() as session:
        accounts = AccountRepository(session)
        row = await accounts.get(user_id)
        grants = await accounts.grants(user_id)
    if row is None or not (visible is None or any(g.tenant in visible for g in grants)):
        raise NotFound("account", param="user_id")
    return _view(row, grants, visible)


async def create_user(services: AdminServices, actor: Actor, body: UserCreate) -> User:
    grants = _grants(body.roles)
    _check_owner(actor, grants)
    password_hash = await services.passwords.hash(body.password)
    async with services.database.transaction() as session:
        accounts = AccountRepository(session)
        row = await UserService(session, services.clock).create(body.email, password_hash, grants)
        view = _view(row, await accounts.grants(row.id), None)
        await record(
            services,
            session,
            actor,
            action="user.create",
            target=row.id,
            after=await _state(accounts, row),
        )
    return view


async def update_user(
    services: AdminServices, actor: Actor, user_id: str, body: UserUpdate
) -> User:
    grants = None if body.roles is None else _grants(body.roles)
    hashed = None if body.password is None else await services.passwords.hash(body.password)
    async with services.database.transaction() as session:
        accounts = AccountRepository(session)
        users = UserService(session, services.clock)
        row = await users.get(user_id)
        _check_owner(actor, {*await accounts.grants(user_id), *(grants or ())})
        before = await _state(accounts, row)
        ended = await users.update(
            user_id, disabled=body.disabled, password_hash=hashed, grants=grants
        )
        view = _view(row, await accounts.grants(user_id), None)
        await record(
            services,
            session,
            actor,
            action="user.update",
            target=user_id,
            before=before,
            after=await _state(accounts, row) | {"password_changed": hashed is not None},
        )
        await record_revocation(services, session, actor, user_id, ended)
    return view


def _check_owner(actor: Actor, grants: set[Grant]) -> None:
    """Only a global owner makes owners or touches their accounts."""
    touches = any(grant.role is Role.OWNER for grant in grants)
    if touches and Grant(Role.OWNER) not in actor.grants:
        raise Forbidden("owner")


def _grants(roles: list[RoleGrant]) -> set[Grant]:
    return {Grant(role.role, role.tenant) for role in roles}


async def _state(accounts: AccountRepository, row: models.User) -> dict[str, object]:
    """An account for the trail: by id, without its address."""
    grants = await accounts.grants(row.id)
    roles = [{"role": str(grant.role), "tenant": grant.tenant} for grant in grants]
    return {"id": row.id, "disabled": row.disabled, "roles": roles}


def _view(row: models.User, grants: tuple[Grant, ...], visible: Scope) -> User:
    shown = [g for g in grants if visible is None or g.tenant in visible]
    return User(
        id=row.id,
        email=row.email,
        disabled=row.disabled,
        roles=[RoleGrant(role=grant.role, tenant=grant.tenant) for grant in shown],
        created_at=row.created_at,
    )
