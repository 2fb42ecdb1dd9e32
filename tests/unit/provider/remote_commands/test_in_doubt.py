"""A command is sent once: what may have been started when a connection ended is not started again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from scvk.kubelet.capabilities import NotPossible
from scvk.provider.cloud_view import CloudView
from scvk.provider.remote_commands.instances import Instances, _Place
from scvk.provider.remote_commands.runner import _open
from scvk.saladcloud.ssh.address import SshAddress
from scvk.saladcloud.ssh.errors import ConnectionLost, SshError, StartInDoubt
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.saladcloud.ssh.process import RemoteProcess
from tests.unit.provider.evidence import a_pod

HERE = SshAddress("203.0.113.1", 22, "SHA256:x")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Kept:
    """A connection that is kept, and ends as soon as a command was sent."""

    def is_connected(self, _: SshAddress) -> bool:
        return True

    async def start(self, *_: object) -> RemoteProcess:
        process = RemoteProcess()
        process.connection_lost(None)
        return process


async def test_a_connection_that_ends_before_the_first_line_leaves_the_command_in_doubt() -> None:
    with pytest.raises(StartInDoubt, match="it may have run"):
        await _open(cast(SharedConnections, Kept()), HERE, b"true", b"marker", None)


@pytest.mark.parametrize(("failure", "times"), [(StartInDoubt(), 1), (ConnectionLost("gone"), 2)], ids=["sent", "not"])
async def test_only_what_was_not_sent_is_tried_again(failure: SshError, times: int) -> None:
    instances = Instances(cast(Any, None), CloudView(), lambda _: "group", cast(Any, Kept()), now=lambda: NOW)
    instances._places["group"] = _Place(HERE, NOW)
    answered: asyncio.Future[SshAddress] = asyncio.get_running_loop().create_future()
    answered.set_result(HERE)
    instances._ask = lambda *_: answered  # type: ignore[method-assign, assignment]
    tries = []

    async def use(_: SharedConnections, address: SshAddress) -> None:
        tries.append(address)
        raise failure

    with pytest.raises(NotPossible):
        await instances.reach(a_pod(), use)
    assert len(tries) == times
