"""What the platform's state machines work with: clock, chance, runtime, durations, mishaps, ways in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from random import Random

from scvk.simulator.clock import Clock
from scvk.simulator.cloud.doors import Doors, NoDoors
from scvk.simulator.cloud.mishaps import NO_MISHAPS, Mishaps
from scvk.simulator.config import Durations
from scvk.simulator.durations import Duration
from scvk.simulator.runtime.contract import Runtime


@dataclass(frozen=True, slots=True)
class Means:
    """Given to each state machine. `seed` is what `random` was made from."""

    clock: Clock
    random: Random
    runtime: Runtime
    durations: Durations
    mishaps: Mishaps = NO_MISHAPS
    seed: str = ""
    doors: Doors = field(default_factory=NoDoors)

    def own(self, *names: str) -> Means:
        """The same with chance of its own, which follows from the seed and these names.

        What befalls one group then does not depend on the order in which requests for others happen to come.
        """
        seed = "/".join((self.seed, *names))
        return replace(self, random=Random(seed), seed=seed)

    def vary(self, duration: Duration) -> float:
        """A duration as chance has it today, in seconds."""
        if isinstance(duration, int | float):
            return duration * (1 + self.durations.jitter * self.random.uniform(-1, 1))
        return duration.draw_s(self.random)

    def new_id(self) -> str:
        """A random UUID (version 4), repeatable with the seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))
