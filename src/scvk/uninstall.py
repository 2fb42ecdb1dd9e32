"""The composition root of `scvk uninstall`: a Node and what its pods have on SaladCloud, taken away or left as it is.

A drain needs an agent. Where none plays the node, this process becomes it for as long as that takes: the same code,
under the same lease, deletes the groups and lets the pods go when they are surely gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from lightkube.resources.core_v1 import Pod

from scvk.agent import (
    AgentError,
    connected,
    explained,
    kubernetes_config,
    play_node,
    read_cluster_id,
    saladcloud_client,
    utc_now,
)
from scvk.kubelet.cluster import Cluster
from scvk.kubelet.informer import key_of
from scvk.kubelet.leaving import MARK, Leaving
from scvk.kubelet.uninstallation import Uninstallation
from scvk.provider.ownership import Owned, mark_of
from scvk.saladcloud.models import ContainerGroup
from scvk.settings import AgentSettings, Checked, checked, node_name

LOOK_EVERY_S = 2.0
GROUPS_EVERY_S = 10.0
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to be done, for a person to agree to."""

    node: str
    how: Leaving
    pods: tuple[str, ...]


Confirm = Callable[[Plan], bool]
Tell = Callable[[str], None]
Groups = Callable[[], Awaitable[tuple[str, ...]]]


async def uninstall_node(
    settings: AgentSettings, how: Leaving, *, within_s: float, confirm: Confirm, tell: Tell
) -> bool:
    """Take the node away; return False where the person did not agree.

    Raises SettingsError for wrong options and AgentError for everything that somebody has to mend, with what still
    holds. Whatever is not done by then can be done by another call.
    """
    name = node_name(settings.nodename, settings.sce_organization_name, settings.sce_project_name)
    chosen = checked(settings) if settings.sce_api_key or settings.sce_api_key_file else None
    config = kubernetes_config(settings.kubeconfig)
    async with connected(config) as connection, _groups_of(settings, chosen, connection.cluster, name) as groups:
        with explained(config.cluster.server):
            going = await Uninstallation.of(connection.cluster, name, now=utc_now)
            if going is None:
                tell(f"There is no node {name}.")
                await _refuse_left_overs(name, groups)
                return True
            pods = await going.pods()
            if not confirm(Plan(name, how, tuple(sorted(str(key_of(pod)) for pod in pods)))):
                return False
            try:
                async with asyncio.timeout(within_s):
                    await _take_away(settings, going, how, groups, tell)
            except TimeoutError:
                raise AgentError(
                    f"node {name} could not be uninstalled within {within_s:.0f} s: {await _what_is_left(going)}; it "
                    "stays marked and cordoned. Try again, or take it back with "
                    f"`kubectl annotate node {name} {MARK}-` and `kubectl uncordon {name}`"
                ) from None
    return True


async def _take_away(
    settings: AgentSettings, going: Uninstallation, how: Leaving, groups: Groups | None, tell: Tell
) -> None:
    await going.mark(how)
    tell(f"Node {going.name} is marked and cordoned; looking whether an agent plays it.")
    has_agent = await going.is_heeded(how)
    if how is Leaving.KEEP:
        await going.delete_node()
        tell(f"Node {going.name} is deleted. Container groups of its pods stay, and go on costing money.")
    elif has_agent:
        await _drain(going, groups, tell)
    elif groups is None:
        raise AgentError(
            f"no agent plays node {going.name}, so its container groups have to be deleted from here: give the API "
            "key, organization and project as for `scvk run`, or start the agent. The node stays marked and cordoned"
        )
    else:
        tell("No agent plays it: this command does what is left to do.")
        await _with_agent(settings, going, lambda: _drain(going, groups, tell))


async def _drain(going: Uninstallation, groups: Groups | None, tell: Tell) -> None:
    await going.heeded_by_new_agent(Leaving.DRAIN)
    uids = await going.delete_pods()
    tell(f"Deleting {len(uids)} pods and their container groups.")
    told = len(uids)
    while left := await going.remaining(uids):
        if len(left) != told:
            told = len(left)
            tell(f"{told} pods are left.")
        await asyncio.sleep(LOOK_EVERY_S)
    while groups is not None and (names := await groups()):
        tell(f"Waiting for container groups whose pods are gone: {_some(names)}")
        await asyncio.sleep(GROUPS_EVERY_S)
    await going.delete_node()
    tell(f"Node {going.name} is deleted; the container groups of its pods are gone.")


async def _with_agent(settings: AgentSettings, going: Uninstallation, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` while an agent of this process plays the node; it ends by itself when the Node goes."""
    playing = asyncio.ensure_future(play_node(replace(settings, nodename=going.name)))
    working = asyncio.ensure_future(work())
    try:
        await asyncio.wait({playing, working}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()  # what kept the agent from doing it is the reason that counts
        await working
        await playing
    finally:
        for task in (working, playing):
            task.cancel()
        await asyncio.gather(working, playing, return_exceptions=True)


@asynccontextmanager
async def _groups_of(
    settings: AgentSettings, chosen: Checked | None, cluster: Cluster, node: str
) -> AsyncIterator[Groups | None]:
    """Give the question for the names of the groups that are surely this cluster's, made for pods of the node.

    None without a key. A listing that may be cut says nothing of what it lacks; what it shows is waited for.
    """
    if chosen is None:
        yield None
        return
    async with saladcloud_client(chosen.saladcloud) as (client, _):

        async def groups() -> tuple[str, ...]:
            identity = await read_cluster_id(cluster, settings.cluster_id)
            listing = await client.list_container_groups()
            return tuple(sorted(group.name for group in listing.items if _is_of(group, node, identity)))

        yield groups


def _is_of(group: ContainerGroup, node: str, identity: str) -> bool:
    owner = mark_of(group, cluster_id=identity)
    return isinstance(owner, Owned) and owner.mark.node == node


async def _refuse_left_overs(node: str, groups: Groups | None) -> None:
    if groups is not None and (left := await groups()):
        raise AgentError(
            f"container groups of this node are left on SaladCloud: {_some(left)}; `scvk gc --nodename {node}` deletes "
            "those whose pods are gone"
        )


async def _what_is_left(going: Uninstallation) -> str:
    try:
        pods: tuple[Pod, ...] = await going.pods()
    except Exception as error:  # noqa: BLE001 - only words for a message about something else
        return f"what is left could not be learned ({error})"
    return f"pods that are left: {_some(tuple(str(key_of(pod)) for pod in pods))}" if pods else "no pods are left"


def _some(names: Iterable[str]) -> str:
    listed = tuple(names)
    more = f" and {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
    return ", ".join(listed[:MOST_NAMES]) + more
