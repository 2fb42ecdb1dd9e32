"""Which group a request is for, whether the caller may, and which instance gets it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.platform import Platform
from scvk.simulator.cloud.states import InstanceState
from scvk.simulator.config import ApiKey

# Who waits for a free instance also looks by himself: an instance that becomes ready tells nobody.
_LOOK_AGAIN_S = 0.1
# `ContainerGroupNetworking...Timeout`, OpenAPI document: default and maximum, milliseconds.
_LONGEST_TIMEOUT_MS = 100_000


class Refused(Exception):
    """The gateway answers itself: with `status`; `reason` is for the person who looks into the headers."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Destination:
    """A group with networking, and how the gateway is to treat it."""

    group: Group
    organization: str
    networking: Mapping[str, Any]

    @property
    def port(self) -> int:
        """The program's port, 1-65535."""
        return int(self.networking["port"])

    @property
    def needs_key(self) -> bool:
        """Whether callers must send an API key."""
        return bool(self.networking["auth"])

    @property
    def one_at_a_time(self) -> bool:
        """Whether an instance gets a request only when it has answered the one before."""
        return bool(self.networking.get("single_connection_limit"))

    @property
    def least_connections(self) -> bool:
        """Whether the instance with the fewest requests is next, and not simply the next one."""
        return self.networking.get("load_balancer") == "least_number_of_connections"

    def timeout_s(self, name: str) -> float:
        """`client_request_timeout` or `server_response_timeout` in seconds."""
        return (self.networking.get(name) or _LONGEST_TIMEOUT_MS) / 1000


class Router:
    """Finds groups by the host name of a request."""

    def __init__(self, platform: Platform, api_keys: tuple[ApiKey, ...]) -> None:
        self._platform = platform
        self._api_keys = api_keys

    def find(self, host: str) -> Destination:
        """The group whose `networking.dns` is `host`, which may have a port. Raises Refused."""
        name = host.partition(":")[0].rstrip(".").lower()
        if not name:
            raise Refused(400, "the request has no Host header")
        for project in self._platform.all_projects():
            for group in project.groups.values():
                networking = group.definition.values.get("networking")
                if group.dns == name and networking is not None:
                    return Destination(group, project.organization.name, networking)
        raise Refused(404, f"no container group has the name {name}")

    def admit(self, destination: Destination, key: str | None) -> None:
        """Raises Refused when the group wants an API key of its organization and `key` is none."""
        if not destination.needs_key:
            return
        if not key:
            raise Refused(401, "the header Salad-Api-Key is missing")
        for known in self._api_keys:
            if hmac.compare_digest(known.key.encode(), key.encode("utf-8", "surrogateescape")):
                if known.organizations is None or destination.organization in known.organizations:
                    return
                break
        raise Refused(403, "the API key is not one of the organization's")


class Balancer:
    """Gives requests to instances and counts them until they are answered."""

    def __init__(self) -> None:
        self._active: WeakKeyDictionary[Instance, int] = WeakKeyDictionary()
        self._last_used: WeakKeyDictionary[Instance, int] = WeakKeyDictionary()
        self._turn = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def instance(self, destination: Destination) -> AsyncIterator[Instance]:
        """The instance for one request, counted inside the context.

        Raises Refused: 503 when none is ready, 504 after `client_request_timeout` without a free one.
        """
        chosen = await self._choose(destination)
        self._turn += 1
        self._last_used[chosen] = self._turn
        self._active[chosen] = self._active.get(chosen, 0) + 1
        try:
            yield chosen
        finally:
            self._active[chosen] -= 1
            async with self._freed:
                self._freed.notify_all()

    async def _choose(self, destination: Destination) -> Instance:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + destination.timeout_s("client_request_timeout")
        while True:
            ready = [instance for instance in destination.group.instances.values() if is_ready(instance)]
            if not ready:
                raise Refused(503, "no instance is ready")
            free = [i for i in ready if not destination.one_at_a_time or not self._active.get(i, 0)]
            if free:
                return min(free, key=lambda i: self._order(i, destination))
            left_s = deadline - loop.time()
            if left_s <= 0:
                raise Refused(504, "every instance is busy, and the client request timeout is over")
            async with self._freed:
                try:
                    await asyncio.wait_for(self._freed.wait(), min(left_s, _LOOK_AGAIN_S))
                except TimeoutError:
                    pass  # look again

    def _order(self, instance: Instance, destination: Destination) -> tuple[int, int]:
        """The one that waited longest; by connections first, if that is asked for."""
        active = self._active.get(instance, 0) if destination.least_connections else 0
        return active, self._last_used.get(instance, 0)


def is_ready(instance: Instance) -> bool:
    """Whether requests may be sent to it."""
    return instance.ready and instance.state is InstanceState.RUNNING and instance.container is not None
