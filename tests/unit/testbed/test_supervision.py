"""The supervisor starts, stops and buries programs, and leaves nothing, whoever dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scvk.testbed.errors import TestbedError
from scvk.testbed.supervision import Ended, Running, Supervision
from scvk.testbed.waiting import Timing, wait_until

DEADLINE_S = 20.0
FOREVER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER[2],
]


async def eventually(condition: object) -> None:
    assert callable(condition)
    assert await wait_until(condition, DEADLINE_S, 0.02, Timing())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_directory(path: str) -> bool:
    return Path(path).is_dir()


@pytest.fixture
async def supervision() -> AsyncIterator[Supervision]:
    made = Supervision("scvk-supervision-", Timing(), grace_s=0.5)
    await made.start()
    try:
        yield made
    finally:
        await made.end()


async def start(supervision: Supervision, name: str, argv: list[str]) -> int:
    log = supervision.data / f"{name}.log"
    await supervision.start_component(name, argv, log)
    await eventually(lambda: log.read_text() == "up\n")
    state = supervision.state(name)
    assert isinstance(state, Running)
    return state.pid


async def test_data_directory_is_private(supervision: Supervision) -> None:
    assert stat.S_IMODE(supervision.data.stat().st_mode) == 0o700


async def test_stopped_component_is_expected_to_have_ended(supervision: Supervision) -> None:
    pid = await start(supervision, "a", FOREVER)
    await supervision.stop_component("a")
    assert supervision.state("a") == Ended(-signal.SIGTERM, expected=True)
    assert not is_running(pid)


async def test_component_that_ends_by_itself_is_noticed(supervision: Supervision) -> None:
    argv = [sys.executable, "-c", "print('up'); raise SystemExit(3)"]
    await supervision.start_component("a", argv, supervision.data / "a.log")
    await eventually(lambda: supervision.state("a") == Ended(3, expected=False))


async def test_component_may_be_started_again(supervision: Supervision) -> None:
    first = await start(supervision, "a", FOREVER)
    await supervision.stop_component("a")
    await supervision.start_component("a", FOREVER, supervision.data / "a.log")
    state = supervision.state("a")
    assert isinstance(state, Running)
    assert state.pid != first


async def test_program_that_is_not_there_says_so(supervision: Supervision) -> None:
    with pytest.raises(TestbedError, match="No such file"):
        await supervision.start_component("a", ["/nowhere/etcd"], supervision.data / "a.log")


async def test_end_leaves_nothing(supervision: Supervision) -> None:
    pids = [await start(supervision, name, FOREVER) for name in ("a", "b")]
    data = supervision.data
    await supervision.end()
    assert not any(is_running(pid) for pid in pids)
    assert not data.exists()


async def test_stubborn_component_is_killed(supervision: Supervision, monkeypatch: pytest.MonkeyPatch) -> None:
    await start(supervision, "a", STUBBORN)
    await supervision.stop_component("a")
    assert supervision.state("a") == Ended(-signal.SIGKILL, expected=True)


async def test_killed_supervisor_takes_its_components_with_it(supervision: Supervision) -> None:
    pid = await start(supervision, "a", FOREVER)
    data = supervision.data
    os.kill(parent_of(pid), signal.SIGKILL)
    await eventually(lambda: not is_running(pid))
    await eventually(lambda: isinstance(supervision.state("a"), Ended))
    assert "a" in supervision.ended_by_itself()
    await supervision.end()
    assert not data.exists()


PARENT = """
import asyncio, os, sys, time
from scvk.testbed.supervision import Supervision
from scvk.testbed.waiting import Timing

async def main(leak):
    supervision = Supervision("scvk-supervision-", Timing())
    await supervision.start()
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    await supervision.start_component("a", program, supervision.data / "a.log")
    child = 0
    if leak:
        child = os.fork()
        if child == 0:
            time.sleep(600)
    print(supervision.state("a").pid, child, supervision.data, flush=True)
    await asyncio.sleep(600)

asyncio.run(main(len(sys.argv) > 1))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="the pipe closes"),
        pytest.param(["leak"], id="the pipe lives on in a forked child"),
    ],
)
async def test_killed_parent_leaves_nothing(arguments: list[str]) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 its output is one line
        [sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, child, data = parent.stdout.readline().split()
        assert is_running(int(pid))
        assert is_directory(data)
        parent.kill()
    try:
        await eventually(lambda: not is_running(int(pid)))
        await eventually(lambda: not is_directory(data))
    finally:
        if int(child):
            os.kill(int(child), signal.SIGKILL)
