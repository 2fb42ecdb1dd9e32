"""The command `scvk testbed`: a control plane in the foreground, until somebody interrupts it."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from scvk.testbed.control_plane import Component
from scvk.testbed.display import display
from scvk.testbed.releases import DEFAULT_VERSION
from scvk.testbed.testbed import Testbed


def run_testbed(
    version: str = DEFAULT_VERSION,
    *,
    extra_arguments: Mapping[Component, Sequence[str]] | None = None,
    output: TextIO | None = None,
    messages: TextIO | None = None,
) -> int:
    """Runs a control plane until SIGINT or SIGTERM, then tears it down; returns the exit code, 0.

    `output` (default: standard output) gets one line, `export KUBECONFIG=<path>`, for a shell; progress and
    hints go to `messages` (default: standard error). To be called in the main thread, without an event loop.
    Raises TestbedError when it cannot be built or started, or a component ends by itself.
    """
    return asyncio.run(_serve(version, extra_arguments, output or sys.stdout, messages or sys.stderr))


async def _serve(
    version: str,
    extra_arguments: Mapping[Component, Sequence[str]] | None,
    output: TextIO,
    messages: TextIO,
) -> int:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    with display(messages) as report:
        testbed = Testbed(version, report=report, extra_arguments=extra_arguments)
        starting = asyncio.create_task(testbed.start())
        waiting = asyncio.create_task(interrupted.wait())
        await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        try:
            await starting
        except asyncio.CancelledError:
            return 0
        finally:
            waiting.cancel()
    try:
        say_line(output, f"export KUBECONFIG={shlex.quote(str(testbed.kubeconfig))}")
        say_line(messages, f"Kubernetes {testbed.version} at {testbed.api_url}; kubectl: {testbed.kubectl_path}")
        say_line(messages, "Paste the line above into another shell. Ctrl-C ends the control plane.")
        failing = asyncio.create_task(testbed.failure())
        waiting = asyncio.create_task(interrupted.wait())
        await asyncio.wait([failing, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if failing.done():
            raise failing.result()
        failing.cancel()
    finally:
        await testbed.stop()
    return 0


def say_line(stream: TextIO, line: str) -> None:
    """Writes a line in one piece: `print` writes its end apart where Python does not buffer (PYTHONUNBUFFERED).

    The line of a program behind a pipe (`scvk testbed | tee …`) may then come in between, on the same terminal.
    """
    stream.write(f"{line}\n")
    stream.flush()
