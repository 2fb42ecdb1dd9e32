"""Runs kubectl against a testbed: with the given kubeconfig, and none of the user's own preferences."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from scvk.testbed.errors import TestbedError


async def run_kubectl(
    program: Path,
    arguments: Sequence[str],
    *,
    kubeconfig: Path,
    cache: Path,
    stdin: str | None,
    timeout_s: float,
    check: bool,
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end; `cache` is where it may keep what it discovers of the API.

    Raises TestbedError when it takes longer than `timeout_s`, and, with `check`, when it fails.
    """
    command = [str(program), *arguments]
    step = f"run kubectl {' '.join(arguments)}"
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(cache), "KUBERC": "off"},
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await process.communicate(None if stdin is None else stdin.encode())
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise TestbedError(step, f"no end after {timeout_s:g} s", "does the API server run?") from error
        raise
    assert process.returncode is not None
    complaint = errors.decode(errors="replace")
    if check and process.returncode != 0:
        raise TestbedError(step, f"exit code {process.returncode}", "kubectl's own words are above", complaint.rstrip())
    return subprocess.CompletedProcess(command, process.returncode, output.decode(errors="replace"), complaint)
