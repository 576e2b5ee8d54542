"""Opens the vault as the settings say."""

from collections.abc import Callable
from datetime import timedelta

from core.clock import Clock
from core.database import Database
from gateway.settings import Settings
from gateway.vault.keys import MasterKeys
from gateway.vault.service import Vault, VaultOptions
from gateway.vault.wrapping import KeyWrapper


def load_master(settings: Settings) -> MasterKeys:
    """The master key of a deployment, made at its first start.

    Raises:
        VaultKeyUnusable: the settings name one that is missing or no key.
    """
    vault = settings.vault
    return MasterKeys.load(vault.master_key_file, vault.master_key_env, settings.data_dir)


async def open_vault(
    settings: Settings,
    database: Database,
    clock: Clock,
    master: KeyWrapper,
    on_failure: Callable[[str], None],
) -> Vault | None:
    """A running vault; ``None`` where it is switched off."""
    if not settings.vault.enabled:
        return None
    options = VaultOptions(
        required=settings.vault.required,
        ttl=timedelta(seconds=settings.vault.ttl_s),
        conversations=settings.vault.conversations,
        # SQLite is for one machine; with one process there nobody else reads.
        alone=database.is_sqlite and settings.server.workers == 1,
    )
    vault = Vault(database, clock, master, options, on_failure=on_failure)
    await vault.start()
    return vault
