"""Somebody who leaves `kubectl logs -f` running, and notes when each line came."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field

from tests.e2e.stage import Stage


@dataclass
class LogReader:
    """`kubectl logs` as a child process. `lines` are those that came so far, each with the wall clock's second."""

    process: asyncio.subprocess.Process
    lines: list[tuple[float, str]] = field(default_factory=list)

    @classmethod
    async def start(cls, stage: Stage, *words: str) -> LogReader:
        """Start it; its lines are taken in by `read`."""
        process = await asyncio.create_subprocess_exec(
            str(stage.testbed.kubectl_path),
            *("--namespace", stage.namespace, "logs", *words),
            env={**os.environ, "KUBECONFIG": str(stage.testbed.kubeconfig), "KUBERC": "off"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return cls(process)

    async def read(self) -> None:
        """Take in lines until the log ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append((time.time(), line.decode().rstrip("\n")))

    @property
    def texts(self) -> list[str]:
        """The lines without their times."""
        return [text for _, text in self.lines]

    async def stop(self) -> None:
        """Vanish without a word."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
