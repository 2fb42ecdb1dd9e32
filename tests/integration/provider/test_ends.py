"""What logs tell of the end of a program, and how it comes to stand on the pod."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from lightkube.models.core_v1 import ContainerStateTerminated

from scvk.kubelet.inputs import ContainerInputs, PodInputs
from scvk.provider.translate.start_up_log import FAILURE_PREFIX, TERMINATION_MESSAGE_PREFIX
from tests.integration.provider.scripted_saladcloud import wall_clock
from tests.integration.provider.world import World, name_of
from tests.unit.provider.evidence import a_pod

pytestmark = pytest.mark.looptime

FALLBACK: dict[str, Any] = {"terminationMessagePolicy": "FallbackToLogsOnError"}
WRAPPED: dict[str, Any] = {"workingDir": "/srv"}
COLLECTED: dict[str, Any] = {"terminationMessagePath": "/tmp/end"}
EVERY_RUN = 20


def message_lines(text: str) -> list[str]:
    return [f"{TERMINATION_MESSAGE_PREFIX}1/1 {base64.b64encode(text.encode()).decode()}"]


async def running(policy: str = "Never", spec: dict[str, Any] | None = None, **container: Any) -> World:
    """Return a pod whose program runs."""
    world = await World(a_pod(policy=policy, container=container, spec=spec)).started()
    await asyncio.sleep(60)  # the budget counts the minute before a start as spent
    names = ["main", *(each["name"] for each in (spec or {}).get("initContainers", ()))]
    world.inputs.found = PodInputs({name: ContainerInputs(command=("run",)) for name in names})
    await world.settle(2)
    world.cloud.groups[name_of()]["container"]["environment_variables"] = world.cloud.bodies[-1]["container"][
        "environment_variables"
    ]
    world.cloud.set_state(name_of(), "running", 1)
    world.cloud.say(name_of(), "Instance Running")
    await world.hear()
    await world.settle(2)
    assert world.phase == "Running"
    return world


async def ends(world: World, code: int, *lines: str, late_s: float = 0, rounds: int = 1) -> ContainerStateTerminated:
    """Let the program write `lines` and exit; they are to be had `late_s` later."""
    at = wall_clock()
    if not late_s:
        world.cloud.lines += [(at, name_of(), line) for line in lines]
    world.cloud.say(name_of(), f"Instance Exited:{code} ({'Error' if code else 'Exited Successfully'})")
    world.cloud.set_state(name_of(), "running", 0)
    await world.hear()
    await world.poll()
    for _ in range(rounds):
        await world.sync()
        await world.poll()
        if late_s and (wall_clock() - at).total_seconds() >= late_s:
            world.cloud.lines += [(at, name_of(), line) for line in lines]
            late_s = 0
    state = world.container.state
    ended = (state.terminated if state else None) or (
        world.container.lastState.terminated if world.container.lastState else None
    )
    assert ended is not None, world.pod.status
    return ended


def asked(world: World) -> int:
    return world.cloud.count("logs")


async def test_without_a_reason_to_read_no_log_is_read() -> None:
    world = await running()
    ended = await ends(world, 3, "last words")
    assert (ended.reason, ended.exitCode, ended.message) == ("Error", 3, "Instance Exited:3 (Error)")
    assert asked(world) == 0


@pytest.mark.parametrize(
    ("code", "lines", "message"),
    [
        (3, ["one", "two"], "one\ntwo"),
        (3, [f"line {number}" for number in range(90)], "\n".join(f"line {number}" for number in range(10, 90))),
        (3, ["x" * 3000], "x" * 2048),
        (3, ['{"level": "error"}'], '{"level":"error"}'),
        (0, ["fine"], "Instance Exited:0 (Exited Successfully)"),
    ],
    ids=["all", "80 lines", "2 KiB", "JSON", "success"],
)
async def test_the_end_of_the_log_is_the_message_of_a_failure_where_the_pod_says_so(
    code: int, lines: list[str], message: str
) -> None:
    world = await running(**FALLBACK)
    ended = await ends(world, code, *lines)
    assert (ended.exitCode, ended.message) == (code, message)
    assert world.phase == ("Failed" if code else "Succeeded")


@pytest.mark.parametrize("code", [0, 3])
async def test_the_file_comes_before_the_log(code: int) -> None:
    world = await running(**COLLECTED, **FALLBACK)
    ended = await ends(world, code, "log", *message_lines("from the file"))
    assert ended.message == "from the file"


async def test_an_empty_file_gives_way_to_the_log_without_what_the_wrapper_wrote() -> None:
    world = await running(**COLLECTED, **FALLBACK)
    ended = await ends(world, 3, "log", *message_lines(""), rounds=8)
    assert ended.message == "log"


async def test_a_late_log_is_waited_for_before_a_pod_ends() -> None:
    world = await running(**FALLBACK)
    ended = await ends(world, 3, "late", late_s=5, rounds=10)
    assert ended.message == "late"


async def test_a_log_that_never_comes_does_not_keep_a_pod_from_ending() -> None:
    world = await running(**FALLBACK)
    ended = await ends(world, 3, rounds=15)
    assert (world.phase, ended.message) == ("Failed", "Instance Exited:3 (Error)")
    spent = asked(world)
    await world.settle(5)
    assert asked(world) == spent


async def test_a_log_that_cannot_be_read_does_not_keep_a_pod_from_ending() -> None:
    world = await running(**FALLBACK)
    world.cloud.fail("logs", *["500"] * 20)
    ended = await ends(world, 3, "words", rounds=15)
    assert (world.phase, ended.message) == ("Failed", "Instance Exited:3 (Error)")


FAILURE = f"{FAILURE_PREFIX}/etc/app cannot be written"


async def test_a_wrapper_that_failed_is_told_as_a_container_that_could_not_be_created() -> None:
    world = await running(**WRAPPED)
    ended = await ends(world, 125, FAILURE)
    assert (ended.reason, ended.exitCode, ended.message) == ("CreateContainerError", 125, "/etc/app cannot be written")


async def test_a_wrapper_that_fails_again_and_again_waits_with_its_reason_also_after_a_restart() -> None:
    world = await running(policy="Always", **WRAPPED)
    await ends(world, 125, FAILURE)
    assert world.waiting == "CreateContainerError"
    assert world.pod.status is not None
    assert "/etc/app cannot be written" in (world.pod.status.message or "")
    spent = asked(world)
    world.restart()
    await world.provider.start()
    await world.hear()
    writes = world.status_writes
    await world.settle(3)
    assert world.waiting == "CreateContainerError"
    assert (asked(world), world.status_writes) == (spent, writes)


async def test_a_program_of_the_same_exit_code_is_no_failed_wrapper() -> None:
    world = await running(**WRAPPED)
    ended = await ends(world, 125, "my own words", rounds=15)
    assert (ended.reason, ended.message) == ("Error", "Instance Exited:125 (Error)")


async def test_an_init_container_that_fails_is_shown_with_its_exit_code() -> None:
    init = [{"name": name, "image": "nginx", "command": ["run"]} for name in ("one", "two", "three")]
    world = await running(policy="Always", spec={"initContainers": init})
    await ends(world, 7, f"{FAILURE_PREFIX}the init container two ended with exit code 7")
    assert world.waiting == "CrashLoopBackOff"
    assert world.pod.status is not None
    shown = {}
    for entry in world.pod.status.initContainerStatuses or []:
        state = entry.state
        assert state is not None
        shown[entry.name] = state.terminated.exitCode if state.terminated else state.waiting and state.waiting.reason
    assert shown == {"one": 0, "two": 7, "three": "PodInitializing"}
    assert {each.type: each.status for each in world.pod.status.conditions or []}["Initialized"] == "False"


async def test_a_crash_loop_costs_a_log_query_a_minute_at_most() -> None:
    world = await running(policy="Always", **FALLBACK)
    began = wall_clock()
    for number in range(10):
        await ends(world, 3, f"crash {number}")
        world.cloud.say(name_of(), "Instance Running")
        world.cloud.set_state(name_of(), "running", 1)
        await world.hear()
        await world.settle(EVERY_RUN)
    minutes = (wall_clock() - began) / timedelta(minutes=1)
    assert 1 <= asked(world) <= minutes + 1
