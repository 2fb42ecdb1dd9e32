"""The end of commands whose client has gone, with real processes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from scvk.provider.remote_commands.ending_script import end

SHELLS = [["/bin/sh"], ["bash"], ["busybox", "sh"]]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def begin(script: str, *, new_session: bool = True) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["/bin/sh", "-c", f"{script}"], stdout=subprocess.PIPE, start_new_session=new_session)
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == b"begun\n"
    return process


def living(session: int) -> list[str]:
    """States of a session's processes that have not ended."""
    shown = subprocess.run(["ps", "-s", str(session), "-o", "stat="], capture_output=True, text=True, check=False)
    return [state for state in shown.stdout.split() if not state.startswith("Z")]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_command_is_ended_by_term(started: list[subprocess.Popen[bytes]], shell: list[str]) -> None:
    started.append(begin("echo begun; exec sleep 100"))
    subprocess.run([*shell, "-c", end([started[0].pid])], check=True)
    assert started[0].wait(timeout=5) == -15


def test_what_ignores_that_is_killed_and_so_is_what_it_left_in_the_background(
    started: list[subprocess.Popen[bytes]],
) -> None:
    started.append(begin("trap '' TERM; sleep 101 & echo begun; while :; do sleep 0.1; done"))
    began = time.monotonic()
    subprocess.run(["/bin/sh", "-c", end([started[0].pid])], check=True)
    assert started[0].wait(timeout=5) == -9
    assert time.monotonic() - began > 1.5
    for _ in range(50):
        if not living(started[0].pid):
            return
        time.sleep(0.02)  # the kernel tells nobody when it has done with a process that is not its parent's
    raise AssertionError(living(started[0].pid))


def test_many_are_ended_at_once_and_others_are_left_alone(started: list[subprocess.Popen[bytes]]) -> None:
    started += [begin("echo begun; exec sleep 102") for _ in range(4)]
    subprocess.run(["/bin/sh", "-c", end(process.pid for process in started[1:])], check=True)
    assert [process.wait(timeout=5) for process in started[1:]] == [-15] * 3
    assert started[0].poll() is None


def test_a_command_without_a_session_of_its_own_takes_nobody_along(started: list[subprocess.Popen[bytes]]) -> None:
    started += [begin("echo begun; exec sleep 103", new_session=False) for _ in range(2)]
    subprocess.run(["/bin/sh", "-c", end([started[0].pid])], check=True)
    assert started[0].wait(timeout=5) == -15
    assert started[1].poll() is None


def test_a_stopped_command_is_ended_too(started: list[subprocess.Popen[bytes]]) -> None:
    started.append(begin("echo begun; kill -STOP $$; sleep 104"))
    subprocess.run(["/bin/sh", "-c", end([started[0].pid])], check=True)
    assert started[0].wait(timeout=5) == -15


def test_what_has_ended_already_is_no_failure() -> None:
    subprocess.run(["/bin/sh", "-c", end([4_000_000])], check=True)
