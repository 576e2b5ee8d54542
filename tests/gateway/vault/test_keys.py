"""Keys: where they stand, who may read them, what opens with them."""

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from gateway.vault import MasterKeys, VaultKeyUnusable
from gateway.vault.keys import TenantKeys, open_sealed, seal


def test_the_file_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    master = MasterKeys.load(None, None, tmp_path / "data")
    file = tmp_path / "data" / "vault-master-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keys = TenantKeys.new("acme")
    again = MasterKeys.load(None, None, tmp_path / "data")
    assert again.unwrap("acme", keys.generation, master.wrap(keys)) == keys


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAULT_KEY", "ab" * 32)
    master = MasterKeys.load(None, "VAULT_KEY", tmp_path)
    assert not master.can_rotate
    assert list(tmp_path.iterdir()) == []
    keys = TenantKeys.new("acme")
    assert master.unwrap("acme", keys.generation, master.wrap(keys)) == keys


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "ab" * 32 + "\n12"])
def test_no_key_is_said(text: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(VaultKeyUnusable, match="64 hex digits"):
        MasterKeys.load(file, None, tmp_path)
    with pytest.raises(VaultKeyUnusable, match="cannot be read"):
        MasterKeys.load(tmp_path / "none", None, tmp_path)


def test_rotation_opens_old_rows_until_it_is_finished(tmp_path: Path) -> None:
    master = MasterKeys.load(None, None, tmp_path)
    keys = TenantKeys.new("acme")
    old = master.wrap(keys)
    master.begin_rotation()
    new = master.wrap(keys)
    crashed = MasterKeys.load(None, None, tmp_path)
    assert crashed.unwrap("acme", keys.generation, old) == keys
    assert crashed.unwrap("acme", keys.generation, new) == keys
    master.finish_rotation()
    assert MasterKeys.load(None, None, tmp_path).unwrap("acme", keys.generation, new) == keys
    for keyring in (master, MasterKeys.load(None, None, tmp_path)):
        with pytest.raises(VaultKeyUnusable):
            keyring.unwrap("acme", keys.generation, old)
    file = tmp_path / "vault-master-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().split()) == 1


def test_a_row_cannot_be_moved() -> None:
    key = TenantKeys.new("acme").wrapping
    sealed = seal(key, b"value", "entry", "acme", "c", "PERSON_1")
    assert open_sealed(key, sealed, "entry", "acme", "c", "PERSON_1") == b"value"
    for place in (("entry", "globex", "c", "PERSON_1"), ("entry", "acme", "c", "PERSON_2"), ()):
        with pytest.raises(InvalidTag):
            open_sealed(key, sealed, *place)
    for broken in (sealed[:-1], b"", sealed[:12], bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(InvalidTag):
            open_sealed(key, broken, "entry", "acme", "c", "PERSON_1")


def test_tenants_wrapped_keys_cannot_be_swapped(tmp_path: Path) -> None:
    master = MasterKeys.load(None, None, tmp_path)
    keys = TenantKeys.new("acme")
    with pytest.raises(VaultKeyUnusable):
        master.unwrap("globex", keys.generation, master.wrap(keys))


def test_subjects_are_named_by_value_not_by_spelling() -> None:
    keys, other = TenantKeys.new("acme"), TenantKeys.new("globex")
    assert keys.subject("Greta Vogel") == keys.subject(" GRETA\n vogel ")
    assert keys.subject("Greta Vogel") != other.subject("Greta Vogel")
    assert keys.subject("Greta Vogel") == keys.rewrapped().subject("Greta Vogel")
