"""Nothing is left of a control plane: stopped, failed to start, or killed with its process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scvk.testbed import COMPONENTS, DEFAULT_VERSION, Testbed, TestbedError, cluster
from scvk.testbed.ports import free_ports
from scvk.testbed.pytest_plugin import build_visibly
from scvk.testbed.waiting import Timing, wait_until

DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data directories are made here, so that what is left can be told from what others run."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def left_in(folder: Path) -> list[str]:
    """Data directories in `folder`, and processes that have it in their command line."""
    found = [str(path) for path in folder.glob("scvk-testbed-*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if f"{folder}/scvk-testbed-".encode() in command:
            found.append(f"{process.name} {command.decode()}")
    return found


async def nothing_left_in(folder: Path) -> bool:
    return await wait_until(lambda: not left_in(folder), DEADLINE_S, 0.1, Timing())


@pytest.fixture
async def kubernetes(pytestconfig: pytest.Config) -> str:
    await build_visibly(DEFAULT_VERSION, pytestconfig)
    return DEFAULT_VERSION


async def test_stop_leaves_nothing(kubernetes: str, tmp_path: Path) -> None:
    testbed = Testbed(kubernetes, start_timeout_s=DEADLINE_S)
    async with testbed:
        pids = [testbed.pid(component) for component in COMPONENTS]
        assert len(left_in(tmp_path)) == 1 + len(COMPONENTS)
    assert left_in(tmp_path) == []
    assert not any(running(pid) for pid in pids)
    await testbed.stop()


def running(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.full
async def test_two_can_run_at_once(kubernetes: str, tmp_path: Path) -> None:
    async with Testbed(kubernetes) as first, Testbed(kubernetes) as second:
        assert first.api_url != second.api_url
        await first.kubectl("create", "namespace", "only-here")
        absent = await second.kubectl("get", "namespace", "only-here", check=False)
        assert "NotFound" in absent.stderr


async def test_component_that_fails_ends_the_start_with_its_own_words(kubernetes: str, tmp_path: Path) -> None:
    testbed = Testbed(kubernetes, extra_arguments={"kube-scheduler": ["--no-such-option"]})
    with pytest.raises(TestbedError, match="kube-scheduler") as caught:
        await testbed.start()
    assert "unknown flag: --no-such-option" in str(caught.value)
    assert left_in(tmp_path) == []


async def test_port_that_is_taken_in_between_is_given_up_for_another(
    kubernetes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        api_server_port = other.getsockname()[1]
        *first, last = free_ports(5)
        answers = [[first[0], first[1], api_server_port, first[2], last]]
        monkeypatch.setattr(cluster, "free_ports", lambda count: answers.pop() if answers else free_ports(count))
        async with Testbed(kubernetes) as testbed:
            assert not testbed.api_url.endswith(f":{api_server_port}")


async def test_start_that_takes_too_long_says_so(kubernetes: str, tmp_path: Path) -> None:
    testbed = Testbed(kubernetes, start_timeout_s=0.2)
    with pytest.raises(TestbedError, match="could not start kube-apiserver: it is not healthy after 0 s"):
        await testbed.start()
    assert left_in(tmp_path) == []


async def test_cancelled_start_leaves_nothing(kubernetes: str, tmp_path: Path) -> None:
    starting = asyncio.create_task(Testbed(kubernetes).start())
    assert await wait_until(lambda: bool(left_in(tmp_path)), DEADLINE_S, 0.05, Timing())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert left_in(tmp_path) == []


async def test_component_that_dies_is_told(kubernetes: str, tmp_path: Path) -> None:
    async with Testbed(kubernetes) as testbed:
        pid = testbed.pid("kube-scheduler")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(DEADLINE_S):
            error = await testbed.failure()
        assert "kube-scheduler" in str(error)
        assert "signal 9" in str(error)


SERVE = "import sys; from scvk.testbed.serve import run_testbed; sys.exit(run_testbed())"


def serve() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def serving(kubernetes: str) -> Callable[[], subprocess.Popen[str]]:
    return serve


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="SIGINT"),
        pytest.param(signal.SIGTERM, id="SIGTERM", marks=pytest.mark.full),
    ],
)
async def test_command_runs_until_it_is_interrupted(
    serving: Callable[[], subprocess.Popen[str]], number: signal.Signals, tmp_path: Path
) -> None:
    with serving() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"export KUBECONFIG={tmp_path}/scvk-testbed-")
        process.send_signal(number)
        rest, messages = process.communicate()
    assert process.returncode == 0
    assert rest == ""
    assert "control plane ready" in messages
    assert left_in(tmp_path) == []


async def test_command_that_is_interrupted_early_leaves_nothing(
    serving: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    with serving() as process:
        assert await wait_until(lambda: bool(left_in(tmp_path)), DEADLINE_S, 0.05, Timing())
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert (process.returncode, output) == (0, "")
    assert left_in(tmp_path) == []


async def test_killed_process_leaves_nothing(serving: Callable[[], subprocess.Popen[str]], tmp_path: Path) -> None:
    with serving() as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("export KUBECONFIG=")
        assert len(left_in(tmp_path)) == 1 + len(COMPONENTS)
        process.kill()
    assert await nothing_left_in(tmp_path)


@pytest.mark.full
async def test_the_older_release_boots(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    await build_visibly("1.34.4", pytestconfig)
    async with Testbed("1.34.4", start_timeout_s=DEADLINE_S) as testbed:
        assert "Server Version: v1.34.4" in (await testbed.kubectl("version")).stdout
    assert left_in(tmp_path) == []
