"""Clients of exec, cp, attach and port-forward: kubectl as a process with raw streams, and the pods that they visit."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.stage import Stage
from tests.e2e.workloads import pod

SPDY_ONLY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
DEADLINE_S = 120.0


def sleeper(name: str = "app", **container: Any) -> dict[str, Any]:
    """A pod whose program only waits; it has the tools of Debian."""
    manifest = pod(name)
    manifest["spec"]["containers"][0].update({"command": ["sleep", "1000"], "image": "debian:13", **container})
    return manifest


def kubectl_environment(stage: Stage, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {
        **os.environ,
        "KUBECONFIG": str(stage.testbed.kubeconfig),
        "KUBECACHEDIR": str(stage.folder / "kubectl-cache"),
        "KUBERC": "off",
        **(more or {}),
    }


@asynccontextmanager
async def kubectl_running(
    stage: Stage, *words: str, environment: Mapping[str, str] | None = None, **streams: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run kubectl in the stage's namespace until the end of the block, however it ends."""
    given = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE) | streams
    process = await asyncio.create_subprocess_exec(
        str(stage.testbed.kubectl_path),
        "--namespace",
        stage.namespace,
        *words,
        env=kubectl_environment(stage, environment),
        **given,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def kubectl_done(
    stage: Stage, *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run kubectl to its end; return code, output and errors."""
    async with kubectl_running(stage, *words, environment=environment) as process, asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out, err


async def forwarded_port(process: asyncio.subprocess.Process) -> int:
    """Return the local port that `kubectl port-forward` says next."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"127\.0\.0\.1:(\d+) ->", line):
                return int(found.group(1))
    assert process.stderr is not None
    raise AssertionError((await process.stderr.read()).decode())
