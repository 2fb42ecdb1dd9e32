"""Ways into an instance for tests: a key pair, OpenSSH's client, and asyncssh's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from tests.integration.docker_registry import program
from tests.integration.simulator.stage import DEADLINE_S, Stage, stage

# Generated once: it opens nothing but the instances of these tests.
KEY = asyncssh.generate_private_key("ssh-ed25519")
STRANGER = asyncssh.generate_private_key("ssh-ed25519")
AUTHORIZED = KEY.export_public_key().decode()


@dataclass(frozen=True, slots=True)
class Finished:
    status: int
    out: bytes
    err: bytes


class OpenSsh:
    """Debian's ssh and sftp, with nothing of this machine's configuration and the host key pinned."""

    def __init__(self, instance: dict[str, Any], folder: Path, key: asyncssh.SSHKey = KEY) -> None:
        program("ssh", "openssh-client")
        self._port = str(instance["ssh_port"])
        identity = folder / "id"
        identity.write_bytes(key.export_private_key())
        identity.chmod(0o600)
        options = {
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
        }
        self._options = ["-F", "none", "-i", str(identity)]
        for name, value in options.items():
            self._options += ["-o", f"{name}={value}"]
        self._destination = f"root@{instance['ssh_ip']}"

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        return ["ssh", *self._options, "-p", self._port, *options, self._destination, *arguments]

    async def run(self, *arguments: str, options: tuple[str, ...] = (), data: bytes = b"") -> Finished:
        return await finished(self.command(*arguments, options=options), data)

    async def sftp(self, batch: str) -> Finished:
        return await finished(["sftp", *self._options, "-P", self._port, "-b", "-", self._destination], batch.encode())


async def finished(command: Sequence[str | bytes], data: bytes = b"") -> Finished:
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S * 2):
            out, err = await child.communicate(data)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode is not None
    return Finished(child.returncode, out, err)


@asynccontextmanager
async def logged_in(
    instance: dict[str, Any], key: asyncssh.SSHKey = KEY
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A connection of asyncssh's client, which trusts only the host key that the instance object shows."""
    async with asyncssh.connect(
        instance["ssh_ip"], instance["ssh_port"], username="root", client_keys=[key], known_hosts=None, config=None
    ) as connection:
        host_key = connection.get_server_host_key()
        assert host_key is not None
        assert host_key.get_fingerprint() == instance["ssh_host_key_fingerprint"]
        yield connection


@asynccontextmanager
async def open_stage(**config: Any) -> AsyncIterator[Stage]:
    """A simulator whose instances can be logged into."""
    async with stage(ssh_authorized_keys=AUTHORIZED, **config) as simulated:
        yield simulated
