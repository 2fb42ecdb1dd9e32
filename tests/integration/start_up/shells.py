"""Real shells that run a wrapped command, and a program that says what it was given."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scvk.provider.translate.start_up import StartUp, Wrapped, WrapperTooLarge, failure_of, wrap

UNLIMITED = 64 * 1024 * 1024

# What a Linux kernel gave a process at its start, whatever the process made of it since. The shell's own `$$` is the
# PID; the arguments come behind a name.
CONFESSING = (
    "/bin/sh",
    "-c",
    "echo $$;readlink /proc/$$/cwd;cat /proc/$$/cmdline;printf '\\0=separator=\\0';cat /proc/$$/environ",
    "program",
)


@dataclass(frozen=True)
class Shell:
    """A shell in the place of an image's `/bin/sh`, with the tools of `path`."""

    name: str
    argv: tuple[str, ...]
    path: str = "/usr/bin:/bin"

    def command(self, wrapped: Wrapped) -> list[str]:
        assert wrapped.command[0] == "/bin/sh"
        return [*self.argv, *wrapped.command[1:]]

    def environment(self, wrapped: Wrapped, image: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"PATH": self.path, **(image or {}), **wrapped.environment}

    def run(self, start_up: StartUp, image: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        wrapped = wrapped_of(start_up)
        return subprocess.run(
            self.command(wrapped),
            env=self.environment(wrapped, image),
            capture_output=True,
            timeout=30,
            check=False,
            preexec_fn=_as_a_container_begins,
        )

    def start(self, start_up: StartUp) -> subprocess.Popen[bytes]:
        wrapped = wrapped_of(start_up)
        return subprocess.Popen(
            self.command(wrapped),
            env=self.environment(wrapped),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_as_a_container_begins,  # noqa: PLW1509 - nothing else forks here
        )


def _as_a_container_begins() -> None:
    """Ignore no signal: what the tests' own process ignores (under nohup, in a shell's background) would be kept."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@dataclass(frozen=True)
class Confession:
    """What the program of `CONFESSING` was given."""

    pid: int
    working_dir: str
    argv: tuple[bytes, ...]
    environment: dict[bytes, bytes]

    @classmethod
    def of(cls, output: bytes) -> Confession:
        pid, working_dir, rest = output.split(b"\n", 2)
        arguments, _, variables = rest.partition(b"\0\0=separator=\0")
        environment = dict(entry.split(b"=", 1) for entry in variables.split(b"\0") if entry)
        return cls(int(pid), working_dir.decode(), tuple(arguments.split(b"\0")), environment)


def wrapped_of(start_up: StartUp) -> Wrapped:
    wrapped = wrap(start_up, limit_bytes=UNLIMITED)
    assert not isinstance(wrapped, WrapperTooLarge)
    return wrapped


def busybox(folder: Path) -> Shell:
    """busybox's shell with nothing but busybox's own applets, as in Alpine or the busybox image."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("busybox is not installed")
    subprocess.run([program, "--install", "-s", str(folder)], check=True, capture_output=True)
    return Shell("busybox", (str(folder / "sh"),), str(folder))


def installed(name: str, *options: str) -> Shell:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    return Shell(name, (program, *options))


def script(text: str, *arguments: str) -> tuple[str, ...]:
    return ("sh", "-c", text, "sh", *arguments)


def failures(ended: subprocess.CompletedProcess[bytes]) -> list[str]:
    reasons = map(failure_of, ended.stderr.decode().splitlines())
    return [reason for reason in reasons if reason is not None]
