"""A random history: users, faults and machines do what they like, then everything must come to rest.

What is done follows from the seed alone, so that a history that ends badly can be had again.
"""

from __future__ import annotations

import asyncio

from tests.histories.invariants import BrokenInvariant, Watchman
from tests.histories.told import Told
from tests.histories.troubles import Troubles
from tests.histories.users import Users
from tests.histories.virtual_time import monotonic, running_loop
from tests.histories.world import World

LASTS_S = 2400.0
"""How long things go on happening. With the rest that must follow, a history has an hour at the least."""
AT_LEAST_S = 3600.0
RESTS_WITHIN_S = 1800.0
"""Back-offs of five minutes, and then a start with all that it takes."""
FORGETS_WITHIN_S = 1800.0
_LOOK_EVERY_S = 30.0
_INSTANT_S = 0.001
"""What is left of less time than this is a rounding error."""
_TURNS_TO_KILL = 200
"""An agent that is killed in the midst of something goes within so many turns of the loop."""


async def live(seed: int, *, lasts_s: float = LASTS_S, told: Told | None = None) -> Told:
    """Live one history. Raises BrokenInvariant, with all that was told as its notes."""
    told = told or Told()
    try:
        async with World(seed) as world:
            try:
                await _History(world, told).live(lasts_s)
            finally:
                told.digest, told.lasted_s = world.traffic.digest, monotonic()
    except BrokenInvariant as error:
        error.add_note(f"seed {seed}\n" + "\n".join(told.lines))
        raise
    return told


class _History:
    def __init__(self, world: World, told: Told) -> None:
        self._world = world
        self._told = told
        self._random = world.random
        self._users = Users(world, told)
        self._troubles = Troubles(world, told)
        self._watchman = Watchman(world)
        self._agent_returns: float | None = 0.0

    async def live(self, lasts_s: float) -> None:
        ends = monotonic() + lasts_s
        steps, weights = zip(*self._users.steps, *self._troubles.steps, strict=True)
        while monotonic() < ends:
            await self._care_for_agent()
            (step,) = self._random.choices(steps, weights)
            step()
            self._note_troubles()
            if self._random.random() < 0.08:
                await self._end_agent()
            await self._pass(self._random.expovariate(1 / 40.0))
        await self._mend()
        await self._rest()
        await self._empty(at_least_s=AT_LEAST_S if lasts_s >= LASTS_S else 0.0)

    async def _pass(self, seconds: float) -> None:
        until = monotonic() + seconds
        while (left := until - monotonic()) > _INSTANT_S:
            await asyncio.sleep(min(left, _LOOK_EVERY_S))
            await self._care_for_agent()
            self._watchman.look()

    # -- at the end ----------------------------------------------------------------------------------------------

    async def _mend(self) -> None:
        self._told("everything is mended")
        self._troubles.mend()
        self._note_troubles()
        self._agent_returns = monotonic()
        await self._care_for_agent()

    async def _rest(self) -> None:
        until = monotonic() + RESTS_WITHIN_S
        while (problem := self._watchman.unfinished()) is not None:
            if monotonic() > until:
                raise BrokenInvariant(f"not at rest after {RESTS_WITHIN_S:.0f} s: {problem}")
            await self._pass(_LOOK_EVERY_S)

    async def _empty(self, *, at_least_s: float) -> None:
        self._users.delete_all()
        until = monotonic() + FORGETS_WITHIN_S
        while (problem := self._left()) is not None or monotonic() < at_least_s:
            if problem is not None and monotonic() > until:
                raise BrokenInvariant(f"after the last pod is gone, left: {problem}")
            await self._pass(_LOOK_EVERY_S)
        self._told("nothing is left")

    def _left(self) -> str | None:
        return "pods" if self._world.api.pods() else self._watchman.unfinished() or self._watchman.remembered()

    # -- the agent -----------------------------------------------------------------------------------------------

    async def _care_for_agent(self) -> None:
        """Do what its Deployment does: start it, and start it again when it has ended by itself or was killed."""
        if self._troubles.over:
            self._troubles.mend()
            self._note_troubles()
        agent = self._world.agent
        if agent is not None and not agent.alive:
            self._watchman.look()
            self._told("the agent was killed" if agent.killed else "the agent has ended by itself")
            await self._world.end_agent(kill=True)
            self._agent_returns = monotonic() + 10
        if self._world.agent is None and self._agent_returns is not None and monotonic() >= self._agent_returns:
            self._told("the agent starts")
            self._world.start_agent()
        self._note_troubles()

    async def _end_agent(self) -> None:
        """Kill it at an await in the midst of what was just begun, kill it a while later, or stop it."""
        agent = self._world.agent
        if agent is not None and self._random.random() < 0.6:
            turns = self._random.randrange(1, _TURNS_TO_KILL)
            self._told(f"the agent will be killed in {turns} turns")
            running_loop().after_turns(turns, agent.kill_now)
            return
        await self._pass(self._random.choice((0.0, 0.5, 3.0)))
        kill = self._random.random() < 0.5
        self._told(f"the agent is {'killed' if kill else 'stopped'}")
        await self._world.end_agent(kill=kill)
        self._agent_returns = monotonic() + self._random.choice((0.0, 2.0, 40.0, 120.0, 420.0))

    def _note_troubles(self) -> None:
        """Tell the watchman since when nothing has been broken."""
        agent = self._world.agent
        if self._troubles.present or agent is None or not agent.alive:
            self._watchman.quiet_since = None
        elif self._watchman.quiet_since is None:
            self._watchman.quiet_since = monotonic()
