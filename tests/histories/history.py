"""A random history: users, faults and machines do what they like for an hour, then everything must come to rest.

What is done follows from the seed alone, so that a history that ends badly can be had again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from scvk.simulator.api.faults import Fault, FaultKind
from scvk.simulator.problems import Problem
from tests.histories.invariants import BrokenInvariant, Watchman
from tests.histories.virtual_time import monotonic
from tests.histories.world import WORKLOADS, World

LASTS_S = 3600.0
RESTS_WITHIN_S = 3600.0
FORGETS_WITHIN_S = 1800.0
_LOOK_EVERY_S = 30.0
_INSTANT_S = 0.001
"""The virtual clock counts in microseconds: what is left of less time than this never passes."""
_NAMES = tuple(f"web-{number}" for number in range(8))
_WRITES = ["create_container_group", "delete_container_group"]
_READS = ["list_container_groups", "get_container_group", "list_container_group_instances", "query_log_entries"]


@dataclass
class Told:
    """What happened, one line a step with the virtual second: what a person reads when a history ends badly."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        """Note a step."""
        self.lines.append(f"{monotonic():8.1f} {text}")


async def live(seed: int, *, lasts_s: float = LASTS_S, told: Told | None = None) -> Told:
    """Live one history. Raises BrokenInvariant, with all that was told as its notes."""
    told = told or Told()
    try:
        async with World(seed) as world:
            await _History(world, told).live(lasts_s)
    except BrokenInvariant as error:
        error.add_note(f"seed {seed}\n" + "\n".join(told.lines))
        raise
    return told


class _History:
    def __init__(self, world: World, told: Told) -> None:
        self._world = world
        self._told = told
        self._random = world.random
        self._watchman = Watchman(world)
        self._faults_end: float | None = None
        self._agent_returns: float | None = 0.0
        self._steps: tuple[tuple[Callable[[], None], int], ...] = (
            (self._create_pod, 30),
            (self._delete_pod, 14),
            (self._delete_pod_by_force, 5),
            (self._edit_pod, 4),
            (self._break_requests, 12),
            (self._break_answers, 14),
            (self._break_events, 5),
            (self._break_cluster, 8),
            (self._lose_machines, 6),
            (self._lay_hands_on_a_group, 3),
        )

    async def live(self, lasts_s: float) -> None:
        ends = monotonic() + lasts_s
        while monotonic() < ends:
            await self._care_for_agent()
            (step,) = self._random.choices([s for s, _ in self._steps], [w for _, w in self._steps])
            step()
            if self._random.random() < 0.08:
                await self._end_agent()
            await self._pass(self._random.expovariate(1 / 40.0))
        await self._mend()
        await self._rest()
        await self._empty()

    async def _pass(self, seconds: float) -> None:
        until = monotonic() + seconds
        while (left := until - monotonic()) > _INSTANT_S:
            await asyncio.sleep(min(left, _LOOK_EVERY_S))
            await self._care_for_agent()
            self._watchman.look()

    # -- at the end ----------------------------------------------------------------------------------------------

    async def _mend(self) -> None:
        self._told("everything is mended")
        self._end_faults()
        self._agent_returns = monotonic()
        await self._care_for_agent()

    async def _rest(self) -> None:
        until = monotonic() + RESTS_WITHIN_S
        while (problem := self._watchman.unfinished()) is not None:
            if monotonic() > until:
                raise BrokenInvariant(f"not at rest after {RESTS_WITHIN_S:.0f} s: {problem}")
            await self._pass(_LOOK_EVERY_S)

    async def _empty(self) -> None:
        for path in self._world.api.pods():
            self._world.api.delete_pod(path)
        self._told("all pods are deleted")
        until = monotonic() + FORGETS_WITHIN_S
        problem: str | None = "pods"
        while problem is not None:
            if monotonic() > until:
                raise BrokenInvariant(f"after the last pod is gone, left: {problem}")
            await self._pass(_LOOK_EVERY_S)
            problem = "pods" if self._world.api.pods() else self._watchman.unfinished() or self._watchman.remembered()

    # -- the agent -----------------------------------------------------------------------------------------------

    async def _care_for_agent(self) -> None:
        """Do what its Deployment does: start it, and start it again when it has ended by itself."""
        if self._faults_end is not None and monotonic() >= self._faults_end:
            self._end_faults()
        agent = self._world.agent
        if agent is not None and not agent.alive:
            self._watchman.look()
            self._told("the agent has ended by itself")
            await self._world.end_agent(kill=True)
            self._agent_returns = monotonic() + 10
        if self._world.agent is None and self._agent_returns is not None and monotonic() >= self._agent_returns:
            self._told("the agent starts")
            self._world.start_agent()
            self._watchman.quiet_since = monotonic() if self._faults_end is None else None

    async def _end_agent(self) -> None:
        kill = self._random.random() < 0.7
        # Sometimes in the middle of what was just begun.
        await self._pass(self._random.choice((0.0, 0.05, 0.5, 3.0)))
        self._told(f"the agent is {'killed' if kill else 'stopped'}")
        await self._world.end_agent(kill=kill)
        self._watchman.quiet_since = None
        self._agent_returns = monotonic() + self._random.choice((0.0, 2.0, 40.0, 120.0, 420.0))

    # -- users ---------------------------------------------------------------------------------------------------

    def _create_pod(self) -> None:
        name = self._random.choice(_NAMES)
        if f"pods/shop/{name}" in self._world.api.objects:
            return
        workload = self._random.choice(WORKLOADS)
        self._told(f"pod {name} is created: {workload.script}, {workload.policy}")
        self._world.create_pod(name, workload)

    def _delete_pod(self) -> None:
        self._delete(grace_s=30)

    def _delete_pod_by_force(self) -> None:
        self._delete(grace_s=0)

    def _delete(self, *, grace_s: int) -> None:
        paths = sorted(self._world.api.pods())
        if paths:
            path = self._random.choice(paths)
            self._told(f"{path} is deleted, grace period {grace_s} s")
            self._world.api.delete_pod(path, grace_s=grace_s)

    def _edit_pod(self) -> None:
        paths = sorted(self._world.api.pods())
        if not paths:
            return
        path = self._random.choice(paths)
        if self._random.random() < 0.5:
            self._told(f"{path} gets a label")
            self._world.api.change(path, {"metadata": {"labels": {"edited": str(self._random.randrange(1000))}}})
            return
        self._told(f"{path} loses its annotations")
        kept = self._world.api.objects[path]["metadata"].get("annotations") or {}
        self._world.api.change(path, {"metadata": {"annotations": dict.fromkeys(kept)}})

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def _break_requests(self) -> None:
        kind = self._random.choice(
            (FaultKind.STATUS, FaultKind.HTML, FaultKind.DROP, FaultKind.HANG, FaultKind.GARBAGE, FaultKind.LATENCY)
        )
        operations = self._random.choice((_WRITES, _READS, []))
        seconds = self._random.choice((2.0, 20.0, 90.0)) if kind in (FaultKind.HANG, FaultKind.LATENCY) else None
        status = self._random.choice((500, 503, 429)) if kind is FaultKind.STATUS else None
        self._fault(
            Fault(
                kind=kind,
                operations=list(operations),
                probability=self._random.choice((0.3, 0.7, 1.0)),
                when=self._random.choice(("before", "after")),
                seconds=seconds,
                status=status,
                retry_after=self._random.choice((None, 1, 30)) if status == 429 else None,
            )
        )

    def _break_answers(self) -> None:
        kind = self._random.choice(
            (
                FaultKind.STALE,
                FaultKind.CUT,
                FaultKind.CUT,
                FaultKind.NO_ENVIRONMENT,
                FaultKind.UNKNOWN_FIELDS,
                FaultKind.UNKNOWN_ENUMS,
            )
        )
        seconds = self._random.choice((10.0, 60.0)) if kind is FaultKind.STALE else None
        limit = self._random.choice((0, 2, 5, 100))
        self._fault(Fault(kind=kind, probability=self._random.choice((0.3, 1.0)), seconds=seconds, limit=limit))

    def _break_events(self) -> None:
        kind = self._random.choice((FaultKind.EVENTS_LATE, FaultKind.EVENTS_DISORDERED, FaultKind.EVENTS_LOST))
        seconds = None if kind is FaultKind.EVENTS_LOST else self._random.choice((5.0, 25.0))
        self._fault(Fault(kind=kind, seconds=seconds, probability=0.5))

    def _fault(self, fault: Fault) -> None:
        self._told(f"fault: {fault.kind} {fault.operations} {fault.when} p={fault.probability} {fault.seconds}")
        self._world.simulator.faults.add(fault)
        self._trouble_for(self._random.choice((5.0, 30.0, 120.0, 300.0)))

    def _break_cluster(self) -> None:
        what = self._random.choice(("refuse", "drop", "watches", "compact"))
        self._told(f"API server: {what}")
        api = self._world.api
        match what:
            case "refuse":
                api.refuse(self._random.choice((500, 503, 429)), path=self._random.choice(("", "pods")), times=None)
            case "drop":
                api.refuse(httpx2.ReadError("cut"), path=self._random.choice(("", "pods", "leases")), times=None)
            case "watches":
                for watch in api.watches:
                    watch.break_off()
                return
            case _:
                api.forget_history()
                for watch in api.watches:
                    watch.end()
                return
        self._trouble_for(self._random.choice((2.0, 20.0, 60.0)))

    def _trouble_for(self, seconds: float) -> None:
        self._faults_end = max(self._faults_end or 0.0, monotonic() + seconds)
        self._watchman.quiet_since = None

    def _end_faults(self) -> None:
        self._told("faults end")
        self._world.simulator.faults.clear()
        self._world.api.heal()
        self._faults_end = None
        if self._world.agent is not None:
            self._watchman.quiet_since = monotonic()

    def _lose_machines(self) -> None:
        reason = self._random.choice(("priority", "node-offline"))
        self._told(f"machines are lost: {reason}")
        self._world.simulator.platform.interrupt_some(reason, "*", 0.5)

    def _lay_hands_on_a_group(self) -> None:
        groups = sorted(self._world.own_groups(), key=lambda found: found[1].name)
        if not groups:
            return
        uid, group = self._random.choice(groups)
        self._told(f"somebody deletes {group.name} in the portal")
        self._world.disturbed.add(uid)
        try:
            self._world.project.delete(group.name)
        except Problem as problem:
            self._told(f"in vain: {problem}")
