"""The SQL of administrator accounts, their roles, sessions and log-in attempts.

Knows no rules and no passwords: see ``users`` and ``gateway.admin.auth``.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from gateway.tenants.models import AdminSession, LoginAttempt, RoleBinding, User
from gateway.tenants.roles import Grant, Role


class AccountRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: str) -> User | None:
        return await self._session.get(User, user_id)

    async def by_email(self, email: str) -> User | None:
        query = select(User).where(User.email == email.lower())
        return (await self._session.scalars(query)).one_or_none()

    async def all(self, scope: Collection[str] | None) -> Sequence[User]:
        """Accounts with a role in one of the tenants; ``None`` means every account."""
        query = select(User).order_by(User.email)
        if scope is not None:
            query = query.where(
                User.id.in_(select(RoleBinding.user_id).where(RoleBinding.tenant.in_(scope)))
            )
        return (await self._session.scalars(query)).all()

    async def add(self, user: User) -> None:
        self._session.add(user)
        await self._session.flush()

    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        return (await self.grants_of([user_id]))[user_id]

    async def grants_of(self, user_ids: Sequence[str]) -> dict[str, tuple[Grant, ...]]:
        """The roles of each account, in a stable order."""
        query = select(RoleBinding).where(RoleBinding.user_id.in_(user_ids))
        found: dict[str, list[Grant]] = {user_id: [] for user_id in user_ids}
        for binding in await self._session.scalars(query):
            found[binding.user_id].append(Grant(Role(binding.role), binding.tenant))
        return {
            user_id: tuple(sorted(grants, key=lambda grant: (grant.tenant or "", grant.role)))
            for user_id, grants in found.items()
        }

    async def replace_grants(self, user_id: str, grants: Collection[Grant]) -> None:
        await self._session.execute(delete(RoleBinding).where(RoleBinding.user_id == user_id))
        self._session.add_all(
            RoleBinding(id=new_id("rol"), user_id=user_id, tenant=grant.tenant, role=grant.role)
            for grant in set(grants)
        )
        await self._session.flush()

    async def lock_owners(self) -> frozenset[str]:
        """Active global owners, held against changes until the transaction ends."""
        query = (
            select(User.id)
            .join(RoleBinding, RoleBinding.user_id == User.id)
            .where(
                RoleBinding.tenant.is_(None),
                RoleBinding.role == Role.OWNER,
                User.disabled.is_(False),
            )
            # Both rows: a role that another transaction takes away must not count.
            .with_for_update()
        )
        return frozenset(await self._session.scalars(query))

    async def add_session(self, admin_session: AdminSession) -> None:
        self._session.add(admin_session)
        await self._session.flush()

    async def session_user(
        self, token_hash: str, now: datetime
    ) -> tuple[AdminSession, User] | None:
        """A session that has not expired, and its account if that is not disabled."""
        query = (
            select(AdminSession, User)
            .join(User, User.id == AdminSession.user_id)
            .where(
                AdminSession.token_hash == token_hash,
                AdminSession.expires_at > now,
                User.disabled.is_(False),
            )
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def end_session(self, token_hash: str) -> None:
        await self._session.execute(
            delete(AdminSession).where(AdminSession.token_hash == token_hash)
        )

    async def end_sessions(self, user_id: str, *, keep: str | None = None) -> int:
        """End an account's sessions, save the one with the token hash ``keep``: how many."""
        query = delete(AdminSession).where(AdminSession.user_id == user_id)
        if keep is not None:
            query = query.where(AdminSession.token_hash != keep)
        ended = await self._session.scalars(query.returning(AdminSession.token_hash))
        return len(ended.all())

    async def end_expired_sessions(self, now: datetime) -> None:
        await self._session.execute(delete(AdminSession).where(AdminSession.expires_at <= now))

    async def set_password(self, user_id: str, password_hash: str) -> None:
        await self._session.execute(
            update(User).where(User.id == user_id).values(password_hash=password_hash)
        )


class LoginAttemptRepository:
    """Attempts within the window, counted per account and per address."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, attempt: LoginAttempt) -> None:
        self._session.add(attempt)
        await self._session.flush()

    async def remove(self, attempt_id: str) -> None:
        await self._session.execute(delete(LoginAttempt).where(LoginAttempt.id == attempt_id))

    async def prune(self, before: datetime) -> None:
        await self._session.execute(delete(LoginAttempt).where(LoginAttempt.at < before))

    async def forget(self, account_hash: str, address_hash: str) -> None:
        await self._session.execute(
            delete(LoginAttempt).where(
                LoginAttempt.account_hash == account_hash,
                LoginAttempt.address_hash == address_hash,
            )
        )

    async def count(
        self, since: datetime, *, account_hash: str | None = None, address_hash: str | None = None
    ) -> int:
        query = select(func.count()).select_from(LoginAttempt).where(LoginAttempt.at >= since)
        if account_hash is not None:
            query = query.where(LoginAttempt.account_hash == account_hash)
        if address_hash is not None:
            query = query.where(LoginAttempt.address_hash == address_hash)
        return await self._session.scalar(query) or 0
