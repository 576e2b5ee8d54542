"""The rules of administrator accounts: unique addresses, known tenants, a last owner.

Works in the caller's transaction on hashes that were made before it: Argon2 inside
a transaction would hold SQLite's write lock for its whole time.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from gateway.tenants.accounts import AccountRepository
from gateway.tenants.errors import AlreadyExists, LastOwner, NotFound
from gateway.tenants.models import User
from gateway.tenants.repository import TenantRepository
from gateway.tenants.roles import Grant, Role


class UserService:
    """Accounts and their roles."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._clock = clock
        self._accounts = AccountRepository(session)
        self._tenants = TenantRepository(session)
        self._session = session

    async def list(self) -> Sequence[User]:
        return await self._accounts.all(None)

    async def get(self, user_id: str) -> User:
        """Raises: NotFound."""
        user = await self._accounts.get(user_id)
        if user is None:
            raise NotFound("account", param="user_id")
        return user

    async def create(self, email: str, password_hash: str, grants: Collection[Grant] = ()) -> User:
        """Raises: AlreadyExists, NotFound (a role's tenant)."""
        await self._check_tenants(grants)
        if await self._accounts.by_email(email) is not None:
            raise AlreadyExists("There is an account with this address.", param="email")
        user = User(
            id=new_id("usr"),
            email=email.lower(),
            password_hash=password_hash,
            disabled=False,
            created_at=self._clock.now(),
        )
        await self._accounts.add(user)
        await self._accounts.replace_grants(user.id, grants)
        return user

    async def update(
        self,
        user_id: str,
        *,
        disabled: bool | None = None,
        password_hash: str | None = None,
        grants: Collection[Grant] | None = None,
    ) -> int:
        """Change what is given and end the account's sessions.

        Returns:
            How many sessions were ended.

        Raises:
            NotFound: if there is no such account, or a role's tenant.
            LastOwner: if no active global owner would be left.
        """
        owners = await self._accounts.lock_owners()
        user = await self.get(user_id)
        if grants is not None:
            await self._check_tenants(grants)
        demoted = disabled is True or (grants is not None and Grant(Role.OWNER) not in grants)
        if demoted and owners == {user_id}:
            raise LastOwner
        if disabled is not None:
            user.disabled = disabled
        if password_hash is not None:
            user.password_hash = password_hash
        if grants is not None:
            await self._accounts.replace_grants(user_id, grants)
        ended = await self._accounts.end_sessions(user_id)
        await self._session.flush()
        return ended

    async def _check_tenants(self, grants: Collection[Grant]) -> None:
        for name in {grant.tenant for grant in grants} - {None}:
            if name is not None and await self._tenants.get(name) is None:
                raise NotFound("tenant", param="roles")
