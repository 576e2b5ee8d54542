"""Who calls, and whether they may: the dependencies in front of every endpoint.

A session comes as the HttpOnly cookie (then changing calls need the CSRF token)
or as a Bearer token (no CSRF: a browser never adds it by itself). A tenant that
the caller has no role for does not exist for them: 404, not 403.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from gateway.admin.auth import sessions
from gateway.admin.errors import CsrfFailed, Forbidden, NotSignedIn
from gateway.admin.permissions import Permission, allows, scope, sees
from gateway.admin.services import Services
from gateway.audit import SYSTEM_TENANT, reasons
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.errors import NotFound
from gateway.tenants.repository import TenantRepository
from gateway.tenants.roles import Grant

COOKIE = "sovgate_session"
CSRF_HEADER = "X-CSRF-Token"
# The chain of actions that concern no single tenant is read like a tenant's, by those
# with a global role.
OF_THE_SYSTEM = frozenset({Permission.AUDIT_READ, Permission.EXPORTS_READ})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_cookie = APIKeyCookie(name=COOKIE, scheme_name="sessionCookie", auto_error=False)
_bearer = HTTPBearer(scheme_name="sessionBearer", auto_error=False)


@dataclass(frozen=True, slots=True)
class Actor:
    """The account that is signed in."""

    user_id: str
    email: str
    grants: tuple[Grant, ...]
    token_hash: str
    csrf_token: str
    session_expires_at: datetime
    method: str = "session"  # or "token": how the session was presented
    reason: str | None = None  # of this call, not yet masked

    def require(self, permission: Permission, tenant: str | None = None) -> None:
        """Raises: Forbidden."""
        if not allows(self.grants, permission, tenant):
            raise Forbidden(permission)


@dataclass(frozen=True, slots=True)
class TenantAccess:
    """A permitted call on an existing tenant."""

    actor: Actor
    tenant: str


async def current_actor(
    request: Request,
    services: Services,
    cookie: Annotated[str | None, Security(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Actor:
    token = bearer.credentials if bearer else cookie
    if not token:
        raise NotSignedIn
    actor = await _load_actor(services, token, "token" if bearer else "session")
    if request.method in SAFE_METHODS:
        return actor
    if bearer is None:
        _check_csrf(request, actor)
    return replace(actor, reason=_reason(request))


CurrentActor = Annotated[Actor, Depends(current_actor)]


async def _load_actor(services: Services, token: str, method: str) -> Actor:
    token_hash = sessions.token_hash(services.pepper, token)
    async with services.database.session() as session:
        accounts = AccountRepository(session)
        found = await accounts.session_user(token_hash, services.clock.now())
        if found is None:
            raise NotSignedIn
        admin_session, user = found
        grants = await accounts.grants(user.id)
    return Actor(
        user_id=user.id,
        email=user.email,
        grants=grants,
        token_hash=token_hash,
        csrf_token=sessions.csrf_token(services.pepper, token),
        session_expires_at=admin_session.expires_at,
        method=method,
    )


def _reason(request: Request) -> str | None:
    raw = request.headers.get(reasons.HEADER)
    return None if raw is None else reasons.read_header(raw.encode("latin-1"))


def _check_csrf(request: Request, actor: Actor) -> None:
    if not sessions.same(request.headers.get(CSRF_HEADER, ""), actor.csrf_token):
        raise CsrfFailed


def on_tenant(permission: Permission) -> Callable[..., Awaitable[TenantAccess]]:
    """A dependency: the path's tenant exists for the caller, who has the permission on it."""

    async def check(
        tenant: Annotated[str, Path(description="The tenant's name.", examples=["acme"])],
        actor: CurrentActor,
        services: Services,
    ) -> TenantAccess:
        if not sees(actor.grants, tenant):
            raise NotFound("tenant", param="tenant")
        actor.require(permission, tenant)
        if not (tenant == SYSTEM_TENANT and permission in OF_THE_SYSTEM):
            await _check_exists(services, tenant)
        return TenantAccess(actor, tenant)

    return check


async def _check_exists(services: Services, tenant: str) -> None:
    async with services.database.session() as session:
        if await TenantRepository(session).get(tenant) is None:
            raise NotFound("tenant", param="tenant")


def globally(permission: Permission) -> Callable[..., Awaitable[Actor]]:
    """A dependency: the caller has the permission for the whole deployment."""

    async def check(actor: CurrentActor) -> Actor:
        actor.require(permission)
        return actor

    return check


def somewhere(permission: Permission) -> Callable[..., Awaitable[Actor]]:
    """A dependency: the caller has the permission on one tenant at least."""

    async def check(actor: CurrentActor) -> Actor:
        if scope(actor.grants, permission) == frozenset():
            raise Forbidden(permission)
        return actor

    return check
