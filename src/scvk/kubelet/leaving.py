"""How a node goes for good: the mark that an uninstallation puts on the Node, and what an agent does when it sees it.

    no mark    everything as always; a Node that somebody deletes is made again
    drain      nothing new is made; pods that are deleted go as always, each after what it has in the cloud
    keep       nothing is made, changed or removed any more: pods may go, and what they have in the cloud stays

In both cases the node is cordoned, the agent says on the Node that it heeds the mark, and when the Node is deleted, the
agent ends. A mark that is taken off again leaves everything as before, but for the cordon, which is a person's to lift.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from lightkube.resources.core_v1 import Node, Pod

from scvk.kubelet.cluster_inputs import InputsUnavailable
from scvk.kubelet.inputs import InputNeeds, InputSource, PodInputs

MARK = "scvk.salad.com/uninstall"
HEEDED = "scvk.salad.com/uninstall-heeded"
"""The mark as the agent has read it, written by the agent: from then on it keeps to it."""


class Leaving(StrEnum):
    """What becomes of the pods of a node that goes."""

    KEEP = "keep"
    DRAIN = "drain"


class Permission(Protocol):
    """Whether anything may be changed in the cloud, as something to wait for."""

    async def wait(self) -> object:
        """Return as soon as it may be."""
        ...


def leaving_of(node: Node) -> Leaving | None:
    """Return how the Node is marked; a word that is none of ours means KEEP, the one that changes nothing."""
    assert node.metadata is not None
    mark = (node.metadata.annotations or {}).get(MARK)
    return None if mark is None else Leaving.DRAIN if mark == Leaving.DRAIN else Leaving.KEEP


def leaving_patch(node: Node) -> dict[str, Any] | None:
    """Return the merge patch by which an agent says that it heeds the mark; None where it is said already."""
    assert node.metadata is not None
    annotations = node.metadata.annotations or {}
    mark, heeded = annotations.get(MARK), annotations.get(HEEDED)
    patch: dict[str, Any] = {}
    if mark != heeded:
        patch["metadata"] = {"uid": node.metadata.uid, "annotations": {HEEDED: mark}}
    if mark is not None and not (node.spec and node.spec.unschedulable):
        patch["spec"] = {"unschedulable": True}
    return patch or None


class Departure:
    """How the node goes, as last read from it; and with `held`, whether anything may be changed now."""

    def __init__(self, held: Permission) -> None:
        self._held = held
        self._stays = asyncio.Event()
        self._stays.set()
        self.how: Leaving | None = None

    def learn(self, how: Leaving | None) -> None:
        """Take over what the Node says."""
        self.how = how
        if how is Leaving.KEEP:
            self._stays.clear()
        else:
            self._stays.set()

    async def wait(self) -> None:
        """Return as soon as something may be changed in the cloud."""
        await self._held.wait()
        while not self._stays.is_set():
            await self._stays.wait()
            await self._held.wait()


class InputsOfStayingNode:
    """An InputSource that gives nothing while the node goes: without inputs nothing new can be made."""

    def __init__(self, inputs: InputSource, departure: Departure) -> None:
        self._inputs = inputs
        self._departure = departure

    async def namespace_annotations(self, pod: Pod) -> Mapping[str, str]:
        """Return those of the pod's namespace. Raises InputsUnavailable while the node goes."""
        self._refuse_while_leaving()
        return await self._inputs.namespace_annotations(pod)

    async def inputs(self, pod: Pod, needs: InputNeeds) -> PodInputs:
        """Return what the containers run with. Raises InputsUnavailable while the node goes."""
        self._refuse_while_leaving()
        return await self._inputs.inputs(pod, needs)

    def _refuse_while_leaving(self) -> None:
        if self._departure.how is not None:
            raise InputsUnavailable(
                "the node is being uninstalled: nothing new is started on it", event_reason="NodeLeaving"
            )
