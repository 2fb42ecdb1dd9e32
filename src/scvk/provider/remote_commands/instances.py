"""From a pod to the instance that runs it, and to its SSH. Costs one interactive request for each new connection.

While a connection is kept, nobody is asked: the cloud view tells when the pod was moved to another machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from lightkube.resources.core_v1 import Pod

from scvk.kubelet.capabilities import NotPossible
from scvk.provider.cloud_view import CloudView, newest
from scvk.provider.pod_status import container_status
from scvk.provider.running import running
from scvk.saladcloud.budget import RequestClass
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import NotFound, SaladCloudError
from scvk.saladcloud.models import ContainerGroupInstance, InstanceState
from scvk.saladcloud.ssh.address import SshAddress, ssh_address
from scvk.saladcloud.ssh.errors import ConnectionLost, SshError
from scvk.saladcloud.ssh.pool import SharedConnections
from scvk.saladcloud.ssh.shared_attempts import SharedAttempts

ASK_WITHIN_S = 25.0
"""A person waits; kubectl gives up after 30 s in some versions."""
NO_KEY = (
    "no SSH key is configured: commands and ports need SSH to the instance; give the agent --ssh-private-key-file, "
    "and SaladCloud's portal the public key (docs/remote-access.md)"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Place:
    address: SshAddress
    asked_at: datetime


class Instances:
    """The instances of this node's pods. `group_of` names a pod's own group; `connections` is None without a key."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        group_of: Callable[[Pod], str | None],
        connections: SharedConnections | None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._view = view
        self._group_of = group_of
        self._connections = connections
        self._now = now
        self._places: dict[str, _Place] = {}
        self._questions: SharedAttempts[str, SshAddress] = SharedAttempts()

    async def reach(self, pod: Pod, use: Callable[[SharedConnections, SshAddress], Awaitable[T]]) -> T:
        """Do something with the pod's instance; once more where a kept connection is gone before it is begun.

        Raises NotPossible, and SshError that is not the instance's absence as NotPossible too, but for those that `use`
        catches itself.
        """
        if self._connections is None:
            raise NotPossible(NO_KEY)
        group = self._group_of(pod)
        if group is None:
            raise NotPossible(f"{_name(pod)} has no container group yet{_waiting(pod)}")
        kept = self._kept(self._connections, group)
        try:
            if kept is not None:
                try:
                    return await use(self._connections, kept)
                except ConnectionLost:
                    pass  # perhaps the pod runs elsewhere by now
            address = await self._questions.make(group, lambda: self._ask(pod, group))
            return await use(self._connections, address)
        except SshError as error:
            raise NotPossible(str(error)) from None

    async def aclose(self) -> None:
        """Stop asking."""
        await self._questions.aclose()

    def _kept(self, connections: SharedConnections, group: str) -> SshAddress | None:
        place = self._places.get(group)
        if place is None:
            return None
        seen = self._view.instance(group)
        if seen is not None and seen[0] > place.asked_at and seen[1] is not None:
            shown = ssh_address(seen[1])
            if shown is not None and shown != place.address:
                connections.drop(place.address)
                return None
            if seen[1].state != InstanceState.RUNNING:
                return None
        return place.address if connections.is_connected(place.address) else None

    async def _ask(self, pod: Pod, group: str) -> SshAddress:
        assert self._connections is not None
        asked_at = self._now()
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                answer = await self._client.list_container_group_instances(
                    group, request_class=RequestClass.INTERACTIVE
                )
        except NotFound:
            raise NotPossible(f"the container group of {_name(pod)} is gone") from None
        except TimeoutError:
            raise NotPossible(
                f"SaladCloud could not be asked within {ASK_WITHIN_S:.0f} s where {_name(pod)} runs, for want of room "
                "in the request budget; try again"
            ) from None
        except SaladCloudError as error:
            raise NotPossible(f"SaladCloud does not say where {_name(pod)} runs: {error}; try again") from None
        runs = [instance for instance in answer.instances if instance.state == InstanceState.RUNNING]
        instance = newest(runs)
        if instance is None:
            raise NotPossible(_not_running(pod, newest(answer.instances)))
        address = ssh_address(instance)
        if address is None:
            raise NotPossible(
                f"SaladCloud shows no SSH address for the instance of {_name(pod)}: commands and ports need one"
            )
        self._remember(group, _Place(address, asked_at))
        return address

    def _remember(self, group: str, place: _Place) -> None:
        assert self._connections is not None
        before = self._places.get(group)
        if before is not None and before.address != place.address:
            self._connections.drop(before.address)
        self._places = {
            name: each for name, each in self._places.items() if self._connections.is_connected(each.address)
        }
        self._places[group] = place


def check_container(pod: Pod, container: str) -> None:
    """Raise NotPossible unless it is the container that runs on SaladCloud."""
    assert pod.spec is not None
    runs = running(pod)
    if container == runs.main.name:
        return
    if any(each.name == container for each in pod.spec.ephemeralContainers or ()):
        raise NotPossible(
            f'ephemeral container "{container}" does not run: SaladCloud cannot add a container to one that runs; use '
            f'kubectl exec in "{runs.main.name}"'
        )
    if any(each.name == container for each in runs.init):
        raise NotPossible(
            f'init container "{container}" has ended: it ran in the container "{runs.main.name}", before its program'
        )
    raise NotPossible(
        f'container "{container}" is not run on SaladCloud: of this pod, only "{runs.main.name}" is; use -c'
    )


def _name(pod: Pod) -> str:
    return f"pod {pod.metadata.name if pod.metadata else ''}"


def _waiting(pod: Pod) -> str:
    status = container_status(pod)
    waiting = status.state.waiting if status and status.state else None
    if waiting is None:
        return ""
    return f": {waiting.reason}" + (f" ({waiting.message})" if waiting.message else "")


def _not_running(pod: Pod, instance: ContainerGroupInstance | None) -> str:
    if instance is None:
        return f"{_name(pod)} is not running: it has no instance now{_waiting(pod)}"
    progress = f", {instance.pulling_progress:.0f} %" if instance.pulling_progress is not None else ""
    return f"{_name(pod)} is not running: its instance is {instance.state or 'in no known state'}{progress}"
