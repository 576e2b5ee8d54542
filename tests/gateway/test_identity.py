"""Who holds leases: a process over its restarts, and no other one."""

from pathlib import Path

from gateway.identity import ProcessSlot

PEPPER = b"p" * 32


def test_replicas_that_share_a_pepper_on_one_machine_are_told_apart(tmp_path: Path) -> None:
    first, beside, elsewhere = (
        ProcessSlot(tmp_path / "a"),
        ProcessSlot(tmp_path / "a"),
        ProcessSlot(tmp_path / "b"),
    )
    names = {slot.holder_id(PEPPER) for slot in (first, beside, elsewhere)}
    assert len(names) == 3
    for slot in (first, beside, elsewhere):
        slot.release()


def test_a_process_that_starts_again_has_its_name(tmp_path: Path) -> None:
    first = ProcessSlot(tmp_path)
    name = first.holder_id(PEPPER)
    first.release()
    again = ProcessSlot(tmp_path)
    assert again.holder_id(PEPPER) == name
    assert again.holder_id(b"q" * 32) != name
    again.release()
