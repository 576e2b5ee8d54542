"""Secrets and data are for the gateway's account alone; a start sees to it."""

import os
import stat
from pathlib import Path

import pytest

from core.errors import SovgateError
from gateway.audit import SigningKey
from gateway.identity import load_pepper
from gateway.private import create_private_files, private_folder
from gateway.settings import Settings, parse_settings
from gateway.vault.keys import MasterKeys

MODES = (0o640, 0o620, 0o610, 0o604, 0o602, 0o644, 0o666, 0o777)


def settings(folder: Path) -> Settings:
    return parse_settings({"data_dir": str(folder / "data")})


def test_what_is_made_at_the_first_start_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    private_folder(data)
    load_pepper(parse_settings({"data_dir": str(data)}))
    SigningKey.load_or_create(None, data)
    MasterKeys.load(None, None, data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    secrets = [file for file in data.iterdir() if "public" not in file.name]
    assert len(secrets) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}


@pytest.mark.parametrize("mode", MODES, ids=oct)
def test_an_open_secret_stops_the_start(tmp_path: Path, mode: int) -> None:
    given = settings(tmp_path)
    load_pepper(given)
    SigningKey.load_or_create(None, given.data_dir)
    MasterKeys.load(None, None, given.data_dir)
    for file in given.data_dir.iterdir():
        file.chmod(mode)
    loaders = (
        lambda: load_pepper(given),
        lambda: SigningKey.load_or_create(None, given.data_dir),
        lambda: MasterKeys.load(None, None, given.data_dir),
    )
    for load in loaders:
        with pytest.raises(SovgateError, match="chmod 600"):
            load()


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o720, 0o777], ids=oct)
def test_a_data_folder_that_others_can_write_stops_the_start(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(SovgateError, match="chmod go-w"):
        private_folder(folder)


def test_a_data_folder_that_others_can_enter_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    private_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_files_made_after_the_start_are_closed(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        create_private_files()
        (tmp_path / "file").write_text("")
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "folder")]
    assert modes == [0o600, 0o700]
