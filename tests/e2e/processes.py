"""The programs under test as child processes: `scvk simulate` and `scvk run`, with their output in files."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2

API_KEY = "e2e-key-3f9d1c7a55"
OBSERVER_KEY = "e2e-observer-77b0c2"
"""The tests' own key: their looks count neither against the agent's limit nor among its requests."""
ORGANIZATION = "acme-corp"
PROJECT = "default"
START_WITHIN_S = 60
"""For a simulator on a machine that does much else."""
T = TypeVar("T")


async def until(what: str, check: Callable[[], Awaitable[T | None]], *, within: float = 60.0, every: float = 0.25) -> T:
    """Wait for `check` to return something true, and return it; after `within` seconds fail with `what`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        value = await check()
        if value:
            return value
        if loop.time() >= deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last seen: {value!r}")
        await asyncio.sleep(every)


@dataclass
class Program:
    """One `scvk` command as a child process. `log` has its standard error."""

    words: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it with nothing of this process's own settings."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SALAD_", "KUBE")) and name != "POD_IP"
        }
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "scvk",
                *self.words,
                env={**clean, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

    async def ended(self, *, within: float = 30.0) -> int:
        """Wait for its end; return the exit code."""
        assert self.process is not None
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self) -> int | None:
        """End it as an operator would (SIGTERM), by force after 15 s; return the exit code."""
        if self.process is None:
            return None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await self.ended(within=15)
            except TimeoutError:
                await self.kill()
        return self.process.returncode

    async def kill(self) -> None:
        """End it without warning (SIGKILL)."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def output(self) -> str:
        """Return what it wrote to standard error so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class SimulatedCloud:
    """`scvk simulate` on a free port, and what a test wants to ask it behind the agent's back."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.url = ""
        self._http = httpx2.AsyncClient(timeout=20)

    @classmethod
    async def start(cls, folder: Path, *words: str, speed: float = 60) -> SimulatedCloud:
        """Start it and wait until it says where it is."""
        command = (
            "simulate",
            "--port",
            "0",
            "--api-key",
            API_KEY,
            "--api-key",
            OBSERVER_KEY,
            "--speed",
            str(speed),
            *words,
        )
        cloud = cls(Program(command, folder / "simulate.log"))
        await cloud.program.start()
        try:
            cloud.url = await cloud._said()
        except BaseException:
            await cloud.stop()  # nobody else knows of it
            raise
        return cloud

    async def stop(self) -> None:
        """Stop the program."""
        await self._http.aclose()
        await self.program.stop()

    async def groups(self, project: str = PROJECT) -> dict[str, Any]:
        """Return the groups of a project by name."""
        items = (await self._call("GET", self._project(project)))["items"]
        return {group["name"]: group for group in items}

    async def create(self, body: Mapping[str, Any], project: str = PROJECT) -> Any:
        """Create a group as somebody else would."""
        return await self._call("POST", self._project(project), body)

    async def delete(self, name: str, project: str = PROJECT) -> None:
        """Delete a group as somebody else would."""
        await self._call("DELETE", f"{self._project(project)}/{name}")

    async def instances(self, group: str) -> list[dict[str, Any]]:
        """Return the instances of a group."""
        return list((await self._call("GET", f"{self._project(PROJECT)}/{group}/instances"))["instances"])

    async def log_lines(self, group: str) -> list[str]:
        """Return the lines that a group's program wrote."""
        query = f'resource.type = "container" and resource.labels.container_group_name = "{group}"'
        body = {"query": query, "start_time": "2020-01-01T00:00:00Z", "end_time": _now(), "sort_order": "asc"}
        answer = await self._call("POST", f"{self.url}/organizations/{ORGANIZATION}/log-entries", body)
        return [entry.get("text_log", "") for entry in answer["items"]]

    async def requests(self) -> list[dict[str, Any]]:
        """Return the log of the API's requests, oldest first (those of this class among them)."""
        answer = await self._control("GET", "requests")
        return list(answer["items"])

    async def break_with(self, **fault: Any) -> None:
        """Let requests fail; see the simulator's control API."""
        await self._control("POST", "faults", fault)

    async def interrupt(self, reason: str) -> list[str]:
        """Take every running instance away from its machine; return their ids."""
        return list((await self._control("POST", "interrupt", {"reason": reason}))["instances"])

    async def mend(self) -> None:
        """End all faults."""
        await self._control("DELETE", "faults")

    async def _said(self) -> str:
        process = self.program.process
        assert process is not None
        assert process.stdout is not None
        async with asyncio.timeout(START_WITHIN_S):
            while found := await process.stdout.readline():
                address = re.search(rb"https?://\S+/api/public", found)
                if address:
                    return address.group().decode()
        raise AssertionError(f"scvk simulate did not say where it is: {self.program.output()}")

    def _project(self, project: str) -> str:
        return f"{self.url}/organizations/{ORGANIZATION}/projects/{project}/containers"

    async def _control(self, method: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        root = self.url.removesuffix("/api/public")
        answer = await self._http.request(method, f"{root}/_simulator/{what}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = await self._http.request(method, url, json=body, headers={"Salad-Api-Key": OBSERVER_KEY})
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
