"""Signing in and out: throttled, constant work for unknown accounts, revocable.

Each leaves a record in the deployment's own trail. Of an attempt that fails, the record
names the account only where there is one; what was typed is not kept. Attempts that the
throttle refuses leave none: the last one before it says so, and a flood fills no trail.
"""

from gateway.admin.access import Actor
from gateway.admin.auth import sessions
from gateway.admin.auth.schemas import LoginResponse, Me, RoleGrant, TenantAbilities
from gateway.admin.auth.throttle import LoginThrottle
from gateway.admin.errors import LoginFailed
from gateway.admin.permissions import Permission, allows
from gateway.admin.services import AdminServices
from gateway.admin.trail import record, record_revocation
from gateway.audit import append_admin
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.models import AdminSession, User
from gateway.tenants.roles import Grant

UNKNOWN = "unknown"  # in place of an account that there is not


async def login(
    services: AdminServices, email: str, password: str, address: str, replaced: str | None = None
) -> LoginResponse:
    """Open a session, always a new one.

    Args:
        replaced: the session's token that the browser had; that session ends.

    Raises:
        LoginThrottled: after too many failures; the password is not even looked at.
        LoginFailed: for a wrong address, a wrong password or a disabled account.
    """
    throttle = LoginThrottle(services, email, address)
    await throttle.enter()
    async with services.database.session() as session:
        user = await AccountRepository(session).by_email(email)
    fits = await services.passwords.verify(user.password_hash if user else None, password)
    if user is None or not fits or user.disabled:
        await _record_failure(services, throttle, "login.failed", user)
        raise LoginFailed
    actor, token = await _open_session(services, user, replaced)
    await throttle.succeeded()
    return LoginResponse(**me(actor).model_dump(), token=token)


async def _open_session(
    services: AdminServices, user: User, replaced: str | None
) -> tuple[Actor, str]:
    token = sessions.new_token()
    now = services.clock.now()
    admin_session = AdminSession(
        token_hash=sessions.token_hash(services.pepper, token),
        user_id=user.id,
        created_at=now,
        expires_at=now + services.options.session_lifetime,
    )
    async with services.database.transaction() as session:
        accounts = AccountRepository(session)
        await accounts.end_expired_sessions(now)
        if replaced is not None:
            await accounts.end_session(sessions.token_hash(services.pepper, replaced))
        await accounts.add_session(admin_session)
        actor = Actor(
            user_id=user.id,
            email=user.email,
            grants=await accounts.grants(user.id),
            token_hash=admin_session.token_hash,
            csrf_token=sessions.csrf_token(services.pepper, token),
            session_expires_at=admin_session.expires_at,
        )
        await record(services, session, actor, action="login", target=user.id, changes=False)
    return actor, token


async def _record_failure(
    services: AdminServices, throttle: LoginThrottle, action: str, user: User | None
) -> None:
    """One record, and one more when the throttle refuses from now on."""
    account = UNKNOWN if user is None else user.id
    actions = [action, "login.throttled"] if await throttle.is_full() else [action]
    async with services.database.transaction() as session:
        for each in actions:
            await append_admin(
                session,
                tenant=None,
                actor=account,
                method="password",
                action=each,
                target=account,
                clock=services.clock,
            )


async def logout(services: AdminServices, actor: Actor) -> None:
    """End the actor's session."""
    async with services.database.transaction() as session:
        await AccountRepository(session).end_session(actor.token_hash)
        await record(services, session, actor, action="logout", target=actor.user_id, changes=False)


async def logout_everywhere(services: AdminServices, actor: Actor) -> None:
    """End all sessions of the actor's account."""
    async with services.database.transaction() as session:
        ended = await AccountRepository(session).end_sessions(actor.user_id)
        await record_revocation(services, session, actor, actor.user_id, ended, changes=False)


async def change_password(services: AdminServices, actor: Actor, current: str, new: str) -> None:
    """Set one's own password and end all other sessions.

    Raises:
        LoginThrottled: guessing the present password is throttled like a log-in.
        LoginFailed: if the present password is wrong.
    """
    throttle = LoginThrottle(services, actor.email, "session")
    await throttle.enter()
    async with services.database.session() as session:
        user = await AccountRepository(session).get(actor.user_id)
    if user is None or not await services.passwords.verify(user.password_hash, current):
        await _record_failure(services, throttle, "user.password_failed", user)
        raise LoginFailed
    await throttle.succeeded()
    hashed = await services.passwords.hash(new)
    async with services.database.transaction() as session:
        accounts = AccountRepository(session)
        await accounts.set_password(actor.user_id, hashed)
        ended = await accounts.end_sessions(actor.user_id, keep=actor.token_hash)
        await record(
            services,
            session,
            actor,
            action="user.password",
            target=actor.user_id,
            changes=False,
        )
        await record_revocation(services, session, actor, actor.user_id, ended, changes=False)


def me(actor: Actor) -> Me:
    """What the UI needs to know about the account."""
    scopes = sorted({grant.tenant for grant in actor.grants}, key=lambda tenant: tenant or "")
    return Me(
        user_id=actor.user_id,
        email=actor.email,
        roles=[RoleGrant(role=grant.role, tenant=grant.tenant) for grant in actor.grants],
        abilities=[_abilities(actor.grants, scope) for scope in scopes],
        csrf_token=actor.csrf_token,
        session_expires_at=actor.session_expires_at,
    )


def _abilities(grants: tuple[Grant, ...], tenant: str | None) -> TenantAbilities:
    permissions = [p for p in Permission if allows(grants, p, tenant)]
    return TenantAbilities(tenant=tenant, permissions=permissions)
