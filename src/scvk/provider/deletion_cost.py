"""Passes a pod's `controller.kubernetes.io/pod-deletion-cost` on to its instance, which has a cost of its own.

Kubernetes' controllers read the annotation by themselves. SaladCloud's cost says which instance of a group goes first:
with one instance a group it is information, so it comes after everything else that is to be sent. A pod without the
annotation is left alone, since its program can set the cost itself, through the metadata service.

What was told is remembered, and may be lost: then it is told once more where the instance shows another cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import structlog
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import identity_of, key_of
from scvk.provider.cloud_view import CloudView
from scvk.provider.turns import WAITING_AGAIN_S, Turns
from scvk.saladcloud.client import SaladCloudClient
from scvk.saladcloud.errors import SaladCloudError
from scvk.saladcloud.models import ContainerGroupInstancePatch

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
HIGHEST = 100_000  # `ContainerGroupInstancePatch.deletion_cost`, OpenAPI document
EVERY_S = 15.0
"""A controller may give a cost to hundreds of pods at once: they are passed on four a minute."""
FAILED_AGAIN_S = 60.0

log = structlog.get_logger(__name__)


def deletion_cost_of(pod: Pod) -> int | None:
    """Return the cost within SaladCloud's range, 0 to 100000; None where the pod says none, or what is no number.

    Kubernetes' range is that of int32, written without a plus sign or leading zeros; its API server refuses the rest.
    """
    text = ((pod.metadata.annotations if pod.metadata else None) or {}).get(DELETION_COST, "")
    if not re.fullmatch(r"0|-?[1-9][0-9]{0,9}", text):
        return None
    return min(max(int(text), 0), HIGHEST)


class DeletionCosts:
    """Costs one request for a cost that the instance does not have yet."""

    def __init__(
        self,
        client: SaladCloudClient,
        view: CloudView,
        turns: Turns,
        want_instance: Callable[[str], None],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._view = view
        self._turns = turns
        self._want_instance = want_instance
        self._monotonic = monotonic
        self._told: dict[str, tuple[str, int]] = {}
        """Group → instance, and the cost that it was given or had already."""
        self._due: dict[str, float] = {}
        """Group → when its cost may be sent."""
        self._next = float("-inf")

    async def tell(self, pod: Pod, group: str) -> float | None:
        """Give the group's instance the pod's cost when it is time; return in how many seconds to come again."""
        cost = deletion_cost_of(pod)
        if cost is None:
            self.forget(group)
            return None
        asked = self._view.instance(group)
        instance = asked[1] if asked else None
        if instance is None:
            self._want_instance(group)  # the answer brings the pod here again
            return None
        told = self._told.get(group)
        if told is None or told[0] != instance.id:
            told = (instance.id, instance.deletion_cost or 0)
        if told[1] == cost:
            self._told[group] = told
            self._due.pop(group, None)
            return None
        now = self._monotonic()
        if group not in self._due:
            self._due[group] = self._next = max(now, self._next + EVERY_S)
        if self._due[group] > now:
            return self._due[group] - now
        return await self._send(pod, group, instance.id, cost)

    def forget(self, group: str) -> None:
        """Drop what is remembered of a group."""
        self._told.pop(group, None)
        self._due.pop(group, None)

    def forget_unheard_of(self) -> None:
        """Drop what is remembered of groups of which the view of the cloud has heard nothing for long."""
        for group in [name for name in (*self._told, *self._due) if not self._view.remembers(name)]:
            self.forget(group)

    async def _send(self, pod: Pod, group: str, instance: str, cost: int) -> float | None:
        with self._turns.turn(identity_of(pod)) as may_send:
            if not may_send:
                return WAITING_AGAIN_S
            try:
                await self._client.update_container_group_instance(
                    group, instance, ContainerGroupInstancePatch(deletion_cost=cost)
                )
            except SaladCloudError as error:
                log.info("deletion cost: not told now", group=group, pod=str(key_of(pod)), error=str(error))
                self._due[group] = self._monotonic() + FAILED_AGAIN_S
                return FAILED_AGAIN_S
        self._told[group] = (instance, cost)
        self._due.pop(group, None)
        return None
