"""Log-in throttling per account and per address, shared by all replicas.

An attempt is written down before the password is looked at, so that attempts sent
at the same time all count. Refused attempts are not kept: they do not prolong a
lock-out, and a flood of them fills no table. An account alone is bounded more
loosely than an account from one address, so that a stranger cannot easily lock
its owner out.
"""

from core.ids import new_id
from gateway.admin.auth.sessions import attempt_hash
from gateway.admin.errors import LoginThrottled
from gateway.admin.services import AdminServices
from gateway.tenants.accounts import LoginAttemptRepository
from gateway.tenants.models import LoginAttempt


class LoginThrottle:
    """One attempt of an account from an address."""

    def __init__(self, services: AdminServices, account: str, address: str) -> None:
        self._services = services
        self._account = attempt_hash(services.pepper, "account", account)
        self._address = attempt_hash(services.pepper, "address", address)
        self._id = new_id("lat")

    async def enter(self) -> None:
        """Note the attempt. Raises: LoginThrottled."""
        options = self._services.options
        now = self._services.clock.now()
        async with self._services.database.transaction() as session:
            attempts = LoginAttemptRepository(session)
            await attempts.prune(now - options.login_window)
            await attempts.add(
                LoginAttempt(
                    id=self._id, account_hash=self._account, address_hash=self._address, at=now
                )
            )
        async with self._services.database.transaction() as session:
            attempts = LoginAttemptRepository(session)
            throttled = await self._over(attempts)
            if throttled:
                await attempts.remove(self._id)
        if throttled:
            raise LoginThrottled(int(options.login_window.total_seconds()))

    async def is_full(self) -> bool:
        """Whether one more failure would be refused."""
        async with self._services.database.session() as session:
            return await self._over(LoginAttemptRepository(session), further=1)

    async def succeeded(self) -> None:
        """Forget the failures of this account from this address."""
        async with self._services.database.transaction() as session:
            await LoginAttemptRepository(session).forget(self._account, self._address)

    async def _over(self, attempts: LoginAttemptRepository, further: int = 0) -> bool:
        options = self._services.options
        since = self._services.clock.now() - options.login_window
        account, address = self._account, self._address
        both = await attempts.count(since, account_hash=account, address_hash=address)
        if both + further > options.failures_per_account_and_address:
            return True
        of_account = await attempts.count(since, account_hash=account)
        if of_account + further > options.failures_per_account:
            return True
        of_address = await attempts.count(since, address_hash=address)
        return of_address + further > options.failures_per_address
