"""The process between a testbed and the control plane: whatever happens to the testbed, nothing is left over.

It owns the data directory and is the parent of all components. It is told what to do by lines of JSON on
standard input and tells what happened by lines of JSON on standard output:

    ← {"data": "/tmp/scvk-testbed-…"}                   first: the directory that it made (mode 0700)
    → {"start": "etcd", "argv": [...], "log": "path"}   starts a component; its output is appended to the log
    ← {"started": "etcd", "pid": 17}                    or {"failed": "etcd", "error": "..."}
    → {"stop": "etcd"}                                  SIGTERM, and SIGKILL after GRACE_S seconds
    ← {"exited": "etcd", "code": -15}                   whenever one ends, asked for or not

It ends, with everything stopped and the directory removed, when standard input ends (the pipe closes when
the testbed's process ends, however that happens), when its parent is no longer the one it was started by (the
pipe may live on in some other child of the testbed), or on SIGTERM, SIGINT or SIGHUP. Should somebody kill
the supervisor itself, the kernel kills the components (PR_SET_PDEATHSIG; it fires on the end of the parent's
thread, and this process has one only).

Runs by its path with the standard library alone (`python -I -S supervisor.py PREFIX PARENT_PID GRACE_S`): it
starts in a few hundredths of a second and stays small.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PARENT_CHECK_S = 0.5
PR_SET_PDEATHSIG = 1


class Supervisor:
    """Starts, stops and buries components; see the module's docstring for the protocol."""

    def __init__(self, data: Path, parent: int, grace_s: float, commands: int, events: int) -> None:
        self._data = data
        self._parent = parent
        self._grace_s = grace_s
        self._commands = commands
        self._events = events
        self._own_pid = os.getpid()
        self._unread = b""
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._kill_at: dict[str, float] = {}
        # Looked up before any fork: the child may not take the loader's locks.
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

    def run(self, wakeup: int) -> None:
        """Works until the testbed is gone or wants the end. `wakeup` becomes readable when a signal came."""
        self._tell({"data": str(self._data)})
        with selectors.DefaultSelector() as selector:
            selector.register(self._commands, selectors.EVENT_READ)
            selector.register(wakeup, selectors.EVENT_READ)
            ending = False
            while not ending:
                ready = {key.fd for key, _ in selector.select(PARENT_CHECK_S)}
                if wakeup in ready:
                    ending = any(number != signal.SIGCHLD for number in os.read(wakeup, 4096))
                if self._commands in ready:
                    ending = not self._read_commands() or ending
                if os.getppid() != self._parent:
                    ending = True
                self._look_after()

    def end(self) -> None:
        """Stops everything, what was started last first, and removes the data directory.

        One after the other: an API server whose etcd is gone does not end by itself.
        """
        for name in reversed(list(self._running)):
            self._stop(name)
            while name in self._running:
                self._look_after()
                time.sleep(0.01)
        shutil.rmtree(self._data, ignore_errors=True)

    def _read_commands(self) -> bool:
        """Executes what came; False at the end of the input."""
        chunk = os.read(self._commands, 1 << 16)
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            command: dict[str, Any] = json.loads(line)
            if "start" in command:
                self._start(command["start"], command["argv"], Path(command["log"]))
            elif command["stop"] in self._running:
                self._stop(command["stop"])
        return bool(chunk)

    def _start(self, name: str, argv: list[str], log: Path) -> None:
        try:
            with log.open("ab") as output:
                self._running[name] = subprocess.Popen(
                    argv,
                    cwd=self._data,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=self._die_with_supervisor,  # noqa: PLW1509 this process has one thread
                )
        except (OSError, subprocess.SubprocessError) as error:
            self._tell({"failed": name, "error": str(error)})
        else:
            self._tell({"started": name, "pid": self._running[name].pid})

    def _die_with_supervisor(self) -> None:
        if self._prctl is not None:
            self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._own_pid:  # it was gone before the kernel knew what to do then
            os._exit(1)

    def _stop(self, name: str) -> None:
        self._running[name].terminate()
        self._kill_at.setdefault(name, time.monotonic() + self._grace_s)

    def _look_after(self) -> None:
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[name]
                self._kill_at.pop(name, None)
                self._tell({"exited": name, "code": code})
            elif time.monotonic() >= self._kill_at.get(name, float("inf")):
                process.kill()

    def _tell(self, event: dict[str, object]) -> None:
        try:
            os.write(self._events, json.dumps(event).encode() + b"\n")
        except OSError:
            # The testbed is gone; the end of standard input says so too.
            pass


def main(prefix: str, parent: int, grace_s: float) -> None:
    """Makes the data directory, supervises, cleans up."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # the wakeup descriptor tells the number
    data = Path(tempfile.mkdtemp(prefix=prefix))
    supervisor = Supervisor(data, parent, grace_s, sys.stdin.fileno(), sys.stdout.fileno())
    try:
        supervisor.run(reading)
    finally:
        supervisor.end()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
