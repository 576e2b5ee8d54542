import asyncio
import threading

import pytest

from gateway.audit.commit import GroupCommit


class Disk:
    """Jobs that wait for permission, and count."""

    def __init__(self) -> None:
        self.jobs = 0
        self.error: OSError | None = None
        self.failures: list[OSError] = []
        self.may_run = threading.Event()
        self.may_run.set()

    def prepare(self) -> "Disk":
        self.jobs += 1
        return self

    def failed(self, error: OSError) -> Exception:
        self.failures.append(error)
        return LookupError(*error.args)

    def run(self) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.may_run.wait(30)
        if self.error is not None:
            raise self.error


async def test_waiters_share_one_job_and_later_ones_the_next() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.failed)
    disk.may_run.clear()
    first = [commit.wait() for _ in range(50)]
    await asyncio.sleep(0.02)
    second = [commit.wait() for _ in range(50)]
    await asyncio.sleep(0.02)
    assert disk.jobs == 1
    assert not any(future.done() for future in first)
    disk.may_run.set()
    await asyncio.gather(*first, *second)
    assert disk.jobs == 2
    commit.close()


async def test_a_failed_job_fails_its_waiters_and_no_others() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.failed)
    disk.error = OSError("broken")
    with pytest.raises(LookupError, match="broken"):
        await commit.wait()
    assert disk.failures == [disk.error]
    disk.error = None
    await commit.wait()
    commit.close()


async def test_unawaited_records_are_synced_soon_and_together() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.failed)
    for _ in range(10):
        commit.soon()
    await asyncio.sleep(0.2)
    assert disk.jobs == 1
    commit.close()


async def test_a_cancelled_waiter_does_not_disturb_its_group() -> None:
    disk = Disk()
    commit = GroupCommit(disk.prepare, disk.failed)
    gone, stays = commit.wait(), commit.wait()
    gone.cancel()
    await stays
    commit.close()
