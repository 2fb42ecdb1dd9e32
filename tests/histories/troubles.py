"""What goes wrong in a history: all faults of the simulator, an API server that fails in its ways, lost machines."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from scvk.simulator.api.faults import Fault, FaultKind
from tests.histories.told import Told
from tests.histories.virtual_time import monotonic
from tests.histories.world import World

_WRITES = ["create_container_group", "update_container_group", "delete_container_group"]
_READS = ["list_container_groups", "get_container_group", "list_container_group_instances", "query_log_entries"]
_OF_REQUESTS = (
    FaultKind.STATUS,
    FaultKind.HTML,
    FaultKind.DROP,
    FaultKind.HANG,
    FaultKind.GARBAGE,
    FaultKind.LATENCY,
)
_OF_ANSWERS = (
    FaultKind.STALE,
    FaultKind.CUT,
    FaultKind.CUT,
    FaultKind.NO_ENVIRONMENT,
    FaultKind.UNKNOWN_FIELDS,
    FaultKind.UNKNOWN_ENUMS,
)
_OF_EVENTS = (FaultKind.EVENTS_LATE, FaultKind.EVENTS_DISORDERED, FaultKind.EVENTS_LOST)


class Troubles:
    """Each step breaks something; all breakages end together, at a moment that later ones push further away."""

    def __init__(self, world: World, told: Told) -> None:
        self._world = world
        self._told = told
        self._random = world.random
        self._end: float | None = None

    @property
    def steps(self) -> tuple[tuple[Callable[[], None], int], ...]:
        """What may go wrong, and how often in proportion."""
        return (
            (self._break_requests, 12),
            (self._break_answers, 14),
            (self._break_events, 5),
            (self._break_the_platform, 3),
            (self._break_cluster, 9),
            (self._lose_machines, 6),
        )

    @property
    def present(self) -> bool:
        """Say whether anything is broken now."""
        return self._end is not None

    @property
    def over(self) -> bool:
        """Say whether it is time to `mend`."""
        return self._end is not None and monotonic() >= self._end

    def mend(self) -> None:
        """End all faults."""
        self._told("faults end")
        self._world.simulator.faults.clear()
        self._world.api.heal()
        self._world.api.delay_s = 0.0
        self._end = None

    # -- SaladCloud ----------------------------------------------------------------------------------------------

    def _break_requests(self) -> None:
        kind = self._random.choice(_OF_REQUESTS)
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
        kind = self._random.choice(_OF_ANSWERS)
        seconds = self._random.choice((10.0, 60.0)) if kind is FaultKind.STALE else None
        limit = self._random.choice((0, 2, 5, 100))
        self._fault(Fault(kind=kind, probability=self._random.choice((0.3, 1.0)), seconds=seconds, limit=limit))

    def _break_events(self) -> None:
        kind = self._random.choice(_OF_EVENTS)
        seconds = None if kind is FaultKind.EVENTS_LOST else self._random.choice((5.0, 25.0))
        self._fault(Fault(kind=kind, seconds=seconds, probability=0.5))

    def _break_the_platform(self) -> None:
        kind = self._random.choice((FaultKind.PULL_FAILURE, FaultKind.NO_CAPACITY))
        self._fault(Fault(kind=kind, probability=self._random.choice((0.5, 1.0))))

    def _fault(self, fault: Fault) -> None:
        self._told(f"fault: {fault.kind} {fault.operations} {fault.when} p={fault.probability} {fault.seconds}")
        self._world.simulator.faults.add(fault)
        self._lasts(self._random.choice((5.0, 30.0, 120.0, 300.0)))

    def _lose_machines(self) -> None:
        reason = self._random.choice(("priority", "node-offline"))
        self._told(f"machines are lost: {reason}")
        self._world.simulator.platform.interrupt_some(reason, "*", 0.5)

    # -- the cluster ---------------------------------------------------------------------------------------------

    def _break_cluster(self) -> None:
        what = self._random.choice(("refuse", "drop", "slow", "watches", "compact"))
        self._told(f"API server: {what}")
        api = self._world.api
        match what:
            case "refuse":
                api.refuse(self._random.choice((500, 503, 429)), path=self._random.choice(("", "pods")), times=None)
            case "drop":
                api.refuse(httpx2.ReadError("cut"), path=self._random.choice(("", "pods", "leases")), times=None)
            case "slow":
                api.delay_s = self._random.choice((0.2, 3.0, 30.0))
            case "watches":
                for watch in api.watches:
                    watch.break_off()
                return
            case _:
                api.forget_history()
                for watch in api.watches:
                    watch.end()
                return
        self._lasts(self._random.choice((2.0, 20.0, 60.0)))

    def _lasts(self, seconds: float) -> None:
        self._end = max(self._end or 0.0, monotonic() + seconds)
