"""A group whose image changes while images are being pulled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scvk.simulator.cloud.definition import Definition
from scvk.simulator.image_catalogue import Image
from tests.unit.simulator.world import PULL_S, UNTIL_RUNNING_S, World


class Pull:
    """One that goes on until it is delivered or called off."""

    def __init__(self, image: str, done: Callable[[Image], None]) -> None:
        self.image = image
        self._done = done
        self.over = False

    def cancel(self) -> None:
        self.over = True

    def deliver(self) -> None:
        assert not self.over
        self.over = True
        self._done(Image())


class SlowRegistry:
    def __init__(self) -> None:
        self.pulls: list[Pull] = []

    def obtain(self, definition: Definition, done: Callable[[Image], None]) -> Pull:
        self.pulls.append(Pull(definition.image, done))
        return self.pulls[-1]


def test_going_back_to_the_image_of_before_calls_the_pull_of_the_other_off() -> None:
    world, registry = World(), SlowRegistry()
    world.project.images = registry
    group = world.create()
    world.clock.advance(PULL_S)
    registry.pulls[0].deliver()
    world.clock.advance(UNTIL_RUNNING_S)
    world.project.patch("web", {"container": {"image": "alpine"}})
    world.clock.advance(PULL_S)
    assert [pull.image for pull in registry.pulls] == ["busybox", "alpine"]
    world.project.patch("web", {"container": {"image": "busybox"}})
    world.clock.advance(UNTIL_RUNNING_S)
    assert registry.pulls[-1].over
    assert (group.status, group.pending_change, world.only(group).version) == ("running", False, 3)


@pytest.mark.parametrize("waits_s", [1, 2 * PULL_S], ids=["while it is pulled", "after it failed"])
def test_a_group_that_gets_its_image_back_is_ready_again(waits_s: float) -> None:
    world = World()
    group = world.create(autostart_policy=False)
    world.clock.advance(PULL_S)
    world.project.patch("web", {"container": {"image": "does-not-exist/x"}})
    world.clock.advance(waits_s)
    assert group.status in {"pending", "failed"}
    world.project.patch("web", {"container": {"image": "busybox"}})
    world.clock.advance(PULL_S)
    assert (group.status, group.status_description) == ("stopped", "")
