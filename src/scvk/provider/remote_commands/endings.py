"""Commands whose client has gone: they are ended on the instance, many by one session, after the caller has left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from scvk.kubelet.capabilities import NotPossible
from scvk.provider.remote_commands.ending_script import end
from scvk.provider.remote_commands.first_line import NotStarted, Started
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import SshError
from scvk.saladcloud.ssh.pool import SharedConnections

if TYPE_CHECKING:
    from scvk.saladcloud.ssh.process import RemoteProcess

GATHERED_FOR_S = 0.05
ENDED_WITHIN_S = 20.0
LAST_WITHIN_S = 5.0
"""What the agent's own end waits for."""

Opening: TypeAlias = "asyncio.Task[tuple[RemoteProcess, Started | NotStarted]]"

log = structlog.get_logger(__name__)


class Endings:
    """Ends commands in the background; `aclose` waits for that."""

    def __init__(self) -> None:
        self._numbers: dict[SshAddress, set[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def leave(self, connections: SharedConnections, address: SshAddress, process: RemoteProcess, number: int) -> None:
        """Let go of a command, and end it where it still runs."""
        process.close()
        if process.has_ended:
            return
        waiting = self._numbers.get(address)
        if waiting is not None:
            waiting.add(number)
            return
        self._numbers[address] = {number}
        self._keep(self._end(connections, address))

    def leave_opening(self, connections: SharedConnections, address: SshAddress, opening: Opening) -> None:
        """Let go of a command of which it is not known yet whether it has begun."""
        self._keep(self._when_open(connections, address, opening))

    async def aclose(self) -> None:
        """Return when all are ended, or after some seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LAST_WITHIN_S
        while self._tasks and loop.time() < deadline:
            await asyncio.wait(self._tasks, timeout=deadline - loop.time())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _when_open(self, connections: SharedConnections, address: SshAddress, opening: Opening) -> None:
        try:
            process, said = await opening
        except (SshError, NotPossible):
            return  # there is no command to end
        if isinstance(said, Started):
            self.leave(connections, address, process, said.number)
        else:
            process.close()

    async def _end(self, connections: SharedConnections, address: SshAddress) -> None:
        await asyncio.sleep(GATHERED_FOR_S)  # who leaves now is ended by the same session
        numbers = self._numbers.pop(address)
        if not connections.is_connected(address):
            return  # the machine is gone, and the command with it
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                process = await connections.start(address, end(numbers))
                try:
                    process.write_eof()
                    await process.exit_code()
                finally:
                    process.close()
        except (SshError, TimeoutError) as error:
            log.warning(
                "commands whose clients have gone may still run in an instance: they could not be ended",
                commands=len(numbers),
                instance=address.host,
                error=str(error),
            )
