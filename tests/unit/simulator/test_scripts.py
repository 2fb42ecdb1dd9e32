"""The language in which a group of the virtual runtime says what its container does."""

from __future__ import annotations

import pytest

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.runtime.contract import Launch
from scvk.simulator.runtime.script import ScriptError, parse_script, parse_time_s, script_of
from tests.unit.simulator.world import GRACE_S, World, probe


def launch(image: str = "busybox", argv: tuple[str, ...] = ("app",), script: str | None = None) -> Launch:
    return Launch("id", image, argv, {} if script is None else {"SCVK_SCRIPT": script}, "host")


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 10), ("10s", 10), ("1.5m", 90), ("250ms", 0.25), ("2h", 7200), ("0", 0)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "member", "value"),
    [
        ("", "exit_after_s", None),
        ("run", "exit_after_s", None),
        ("exit 3 after 10s", "exit_after_s", 10),
        ("exit 3 after 10s", "exit_status", 3),
        ("exit 0", "exit_after_s", 0),
        ("killed after 1m", "exit_status", 137),
        ("never start no such file", "fails_to_start", "no such file"),
        ("say good  day; say bye", "output", b"good day\nbye\n"),
        ("ignore sigterm;", "ignores_sigterm", True),
        ("fill disk after 5", "fills_disk_after_s", 5),
        ("use 0.5 cpu 300 mb", "memory_mib", 300),
    ],
)
def test_sentences(text: str, member: str, value: object) -> None:
    assert getattr(parse_script(text), member) == value


@pytest.mark.parametrize(
    "text", ["exit", "exit 256", "exit -1", "exit 1 at 5", "exit 1 after", "after 5", "ready after soon", "dance", "ré"]
)
def test_what_is_no_sentence_is_named(text: str) -> None:
    with pytest.raises(ScriptError, match="script: "):
        parse_script(text)


def test_probes_pass_between_ready_and_unready() -> None:
    script = parse_script("ready after 10s; unready after 1m")
    assert [script.probe(Probe(), age) for age in (0, 9, 10, 59, 60)] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("container", "status"),
    [
        (launch(script="exit 1"), 1),
        (launch(argv=("scvk-script", "exit", "2")), 2),
        (launch("docker.io/me/scvk-script:say-hello_exit-3-after-10s"), 3),
        (launch(argv=("false",)), 1),
    ],
    ids=["variable", "command", "image", "false"],
)
def test_where_a_script_is_found(container: Launch, status: int) -> None:
    assert script_of(container).exit_status == status


@pytest.mark.parametrize(("argv", "after"), [(("true",), 0), (("sleep", "30"), 30), (("sleep", "infinity"), None)])
def test_the_obvious_commands(argv: tuple[str, ...], after: float | None) -> None:
    assert script_of(launch(argv=argv)).exit_after_s == after


def test_a_script_that_cannot_be_read_fails_to_start_and_says_why() -> None:
    world = World(script_of)
    group = world.running(restart_policy="never", container=scripted("dance"))
    assert (group.status, world.events(group)[-1]) == ("failed", "StartFailure:-1")
    world.clock.advance(1)
    assert world.output() == ["failed to start: script: 'dance' is no sentence of a script"]


def test_scripts_on_a_virtual_clock() -> None:
    world = World(script_of)
    group = world.running(container=scripted("say hello; ready after 30s; fill disk after 2m"), readiness_probe=probe())
    assert not world.only(group).ready
    world.clock.advance(31)
    assert world.only(group).ready
    world.clock.advance(60)
    figures = world.only(group).figures
    assert figures is not None
    assert figures.render() == {
        "cpu_percent": 10.0,
        "cpu_usage": 6,
        "cpu_usage_total": 6,
        "memory_usage_mb": 64.0,
        "memory_usage_percent": 6.25,
    }
    world.clock.advance(30)
    assert world.events(group)[-1] == "Instance Interrupted (Requested Disk Space Exceeded)"
    assert world.only(group).figures is None


def test_figures_of_the_last_minute_not_since_the_start() -> None:
    world = World(script_of)
    group = world.running(container=scripted("use 0.5 cpu 512 mb"))
    world.clock.advance(121)
    figures = world.only(group).figures
    assert figures is not None
    assert (figures.render()["cpu_usage"], figures.render()["cpu_percent"]) == (60, 50.0)
    world.project.stop(group.name)
    world.clock.advance(GRACE_S)
    assert group.instances == {}


def scripted(script: str) -> dict[str, object]:
    return {
        "image": "busybox",
        "command": ["app"],
        "environment_variables": {"SCVK_SCRIPT": script},
        "resources": {"cpu": 1, "memory": 1024},
    }
