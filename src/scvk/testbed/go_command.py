"""Runs a program of the build (Go, an installer), line by line, and explains its failures.

A cancelled build leaves nothing running: the program gets a process group of its own, which is killed as a
whole.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed.errors import TestbedError

TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    `code` is its exit code (negative: the signal), `output` all of its standard output, `tail` the last lines
    of its standard error.
    """

    code: int
    output: str
    tail: str


async def run_streaming(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    on_line: Callable[[str], None] = lambda _: None,
) -> Finished:
    """Runs `command` in `folder` to its end; `on_line` gets each line of standard error as it comes.

    Raises OSError when the program cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=1 << 20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    async def read_lines(stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            tail.append(line)
            on_line(line)

    try:
        output, _ = await asyncio.gather(process.stdout.read(), read_lines(process.stderr))
        code = await process.wait()
    except BaseException:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        raise
    return Finished(code, output.decode(errors="replace"), "\n".join(tail))


EXPLANATIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    # What stands in the output, the cause, what to do. The first match counts.
    (
        ("no space left on device", "disk quota exceeded"),
        "the disk is full",
        "free some 4 GB (`go env GOCACHE GOMODCACHE` says where), then run it again: what is compiled stays",
    ),
    (
        ("checksum mismatch", "SECURITY ERROR"),
        "a downloaded module is not the one that was reviewed (its checksum differs from go.sum)",
        "look at GOPROXY and the network between; `go clean -modcache` drops what was downloaded",
    ),
    (
        ("signal: killed", "cannot allocate memory", "out of memory"),
        "memory ran out",
        "give the machine some 4 GB of memory, or compile with less at once: GOFLAGS=-p=1",
    ),
    (
        (
            "dial tcp", "no such host", "connection refused", "connection reset", "i/o timeout",
            "TLS handshake timeout", "network is unreachable", "module lookup disabled", "unexpected EOF",
            "502 Bad Gateway", "503 Service Unavailable", "x509:",
            "error sending request", "dns error", "Failed to fetch", "Failed to establish a new connection",
        ),
        "the network does not deliver",
        "check the network, GOPROXY and HTTPS_PROXY, then run it again: what was downloaded stays",
    ),
    (
        ("permission denied", "read-only file system"),
        "a directory cannot be written",
        "make the named directory writable, or set XDG_CACHE_HOME, GOCACHE and GOMODCACHE to places that are",
    ),
)  # fmt: skip


def explain(step: str, finished: Finished) -> TestbedError:
    """The error for a program that failed: the known causes by what it wrote, else its own last lines."""
    for signs, cause, remedy in EXPLANATIONS:
        if any(sign in finished.tail for sign in signs):
            return TestbedError(step, cause, remedy, finished.tail)
    cause = f"signal {-finished.code}" if finished.code < 0 else f"exit code {finished.code}"
    return TestbedError(
        step,
        cause,
        "the lines above say more; another Go release may help (the one used is on PATH)",
        finished.tail,
    )
