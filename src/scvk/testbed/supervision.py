"""The testbed's side of the supervisor: starts it, gives it commands, and knows which component runs.

Bound to no event loop: events are read, without blocking, whenever somebody asks. A testbed that was started
in one event loop (a session fixture's) can be used in others (each test's).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed import supervisor
from scvk.testbed.errors import TestbedError
from scvk.testbed.waiting import Timing, wait_until

POLL_S = 0.02
GRACE_S = 5.0
"""How long a component may take to end by itself. An API server needs about 1 s, the others less."""

PATIENCE_S = 20.0
"""How long the supervisor may take for anything. It needs milliseconds; a machine may be very busy."""


@dataclass(frozen=True, slots=True)
class Running:
    """A component that runs, by its process id."""

    pid: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A component that runs no more.

    `code` is its exit code (negative: the signal), `expected` whether it was asked to end.
    """

    code: int
    expected: bool


class Supervision:
    """One supervisor process and its data directory. `await start()` first, `await end()` last."""

    def __init__(self, prefix: str, timing: Timing, *, grace_s: float = GRACE_S) -> None:
        self._prefix = prefix
        self._timing = timing
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._data: Path | None = None
        self._states: dict[str, Running | Ended] = {}
        self._failures: dict[str, str] = {}
        self._stopping: set[str] = set()

    @property
    def data(self) -> Path:
        """The data directory (mode 0700), which the supervisor made and will remove."""
        if self._data is None:
            raise RuntimeError("not started")
        return self._data

    def state(self, name: str) -> Running | Ended | None:
        """What is known of a component now; None before its first start."""
        self._read_events()
        return self._states.get(name)

    def ended_by_itself(self) -> dict[str, Ended]:
        """The components that ended and were not asked to."""
        self._read_events()
        return {name: state for name, state in self._states.items() if isinstance(state, Ended) and not state.expected}

    async def start(self) -> None:
        """Starts the supervisor. Raises TestbedError when it does not answer."""
        # A session of its own: Ctrl-C in the terminal is for the testbed, which then stops things in order.
        self._process = subprocess.Popen(  # noqa: ASYNC220 not a second of blocking, and no loop to be bound to
            [
                sys.executable,
                "-I",
                "-S",
                supervisor.__file__,
                self._prefix,
                str(os.getpid()),
                str(self._grace_s),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        try:
            await self._wait(lambda: self._data is not None, PATIENCE_S, "start the supervisor", "it does not answer")
        except BaseException:
            await self.end()
            raise

    async def start_component(self, name: str, argv: Sequence[str], log: Path) -> None:
        """Starts a component, its output appended to `log`. Raises TestbedError when it cannot be run."""
        self._states.pop(name, None)
        self._failures.pop(name, None)
        self._stopping.discard(name)
        self._send({"start": name, "argv": list(argv), "log": str(log)})
        await self._wait(
            lambda: name in self._states or name in self._failures,
            PATIENCE_S,
            f"start {name}",
            "the supervisor does not answer",
        )
        if name in self._failures:
            raise TestbedError(
                f"start {name}",
                self._failures[name],
                f"remove {Path(argv[0]).parent}: it is built anew the next time",
            )

    async def stop_component(self, name: str) -> None:
        """Stops a component (SIGTERM, after 5 s SIGKILL) and waits for its end, if it runs."""
        if not isinstance(self.state(name), Running):
            return
        self._stopping.add(name)
        self._send({"stop": name})
        await self._wait(
            lambda: isinstance(self.state(name), Ended),
            self._grace_s + PATIENCE_S,
            f"stop {name}",
            "it does not end, not even killed",
        )

    async def end(self) -> None:
        """Stops all components and the supervisor; the data directory is gone then. May be called twice."""
        process = self._process
        if process is None:
            return
        self._stopping.update(self._states)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            await wait_until(
                lambda: process.poll() is not None,
                len(self._states) * self._grace_s + PATIENCE_S,
                POLL_S,
                self._timing,
            )
        finally:
            try:
                # At once, but for a cancelled wait: that one ends here, in a second or two, without the loop.
                process.wait(self._grace_s)
            except subprocess.TimeoutExpired:
                process.kill()  # it takes the components with it
                process.wait()
            self._read_events()
            process.stdout.close()
            self._process = None
            if self._data is not None:
                shutil.rmtree(self._data, ignore_errors=True)

    async def _wait(self, condition: Callable[[], bool], timeout_s: float, step: str, cause: str) -> None:
        def holds() -> bool:
            self._read_events()
            if condition():
                return True
            if self._process is None or self._process.poll() is not None:
                raise self._lost()
            return False

        if not await wait_until(holds, timeout_s, POLL_S, self._timing):
            raise TestbedError(step, cause, "is the machine out of memory or processes? look at `dmesg` and `ps`")

    def _send(self, command: dict[str, object]) -> None:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("not running")
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def _read_events(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        while chunk := self._process.stdout.read(1 << 16):
            *lines, self._unread = (self._unread + chunk).split(b"\n")
            for line in lines:
                self._note(json.loads(line))
        if self._process.poll() is not None:  # gone, and the components with it
            for name, state in self._states.items():
                if isinstance(state, Running):
                    self._states[name] = Ended(-9, name in self._stopping)

    def _note(self, event: dict[str, object]) -> None:
        match event:
            case {"data": str(path)}:
                self._data = Path(path)
            case {"started": str(name), "pid": int(pid)}:
                self._states[name] = Running(pid)
            case {"failed": str(name), "error": str(error)}:
                self._failures[name] = error
            case {"exited": str(name), "code": int(code)}:
                self._states[name] = Ended(code, name in self._stopping)
            case _:
                raise AssertionError(event)

    def _lost(self) -> TestbedError:
        return TestbedError(
            "talk to the supervisor",
            "its process is gone",
            "the control plane went with it: start a new testbed",
        )
