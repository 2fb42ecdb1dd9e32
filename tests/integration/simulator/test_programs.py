"""Instances as real processes: output, exits, restarts, stopping."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from scvk.simulator.runtime.process import IsolationMode
from tests.integration.simulator.stage import Stage, processes_with, stage, until


@pytest.fixture(params=["auto", "none"])
async def simulated(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Everything here holds with and without isolation."""
    isolation: IsolationMode = request.param
    async with stage(isolation=isolation) as simulated:
        yield simulated


async def test_output_becomes_log_entries_in_order(simulated: Stage) -> None:
    script = "echo out; echo err >&2; echo '{\"level\": 3}'; printf 'caf\\303\\251 \\377\\n'; printf last"
    await simulated.create("talker", ["sh", "-c", script], restart_policy="never")
    await simulated.until_status("talker", "succeeded")
    assert await simulated.output("talker") == ["out", "err", {"level": 3}, "café \ufffd", "last"]
    events = await simulated.events("talker")
    assert events[-3:] == ["Instance Starting", "Instance Running", "Instance Exited:0 (Exited Successfully)"]


async def test_a_program_gets_its_environment_and_nothing_of_ours(
    simulated: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCVK_TEST_SECRET", "hidden")
    await simulated.create("env", ["env"], restart_policy="never", environment={"GREETING": "good day"})
    await simulated.until_status("env", "succeeded")
    seen = dict(line.split("=", 1) for line in await simulated.output("env"))
    assert seen["GREETING"] == "good day"
    assert seen["SALAD_PROJECT_NAME"] == "default"
    assert seen["SALAD_INSTANCE_ID"] == seen["HOSTNAME"]
    assert "hidden" not in seen.values()
    assert not any(name.startswith(("PYTHON", "VIRTUAL_ENV")) for name in seen)


@pytest.mark.parametrize(
    ("command", "policy", "status", "event"),
    [
        (["sh", "-c", "exit 3"], "never", "failed", "Instance Exited:3 (Error)"),
        (["sh", "-c", "exit 0"], "on_failure", "succeeded", "Instance Exited:0 (Exited Successfully)"),
        (["sh", "-c", "kill -9 $$; sh -c 'exit 137'; exit $?"], "never", "failed", "Instance Exited:137 (Likely Out"),
        (["/no/such/program"], "never", "failed", "StartFailure:-1"),
    ],
)
async def test_ends(simulated: Stage, command: list[str], policy: str, status: str, event: str) -> None:
    await simulated.create("ender", command, restart_policy=policy)
    await simulated.until_status("ender", status)
    assert (await simulated.events("ender"))[-1].startswith(event)


async def test_a_crashing_program_is_restarted_on_its_machine(simulated: Stage) -> None:
    await simulated.create("crasher", ["sh", "-c", "echo again; exit 1"])

    async def thrice() -> bool:
        return (await simulated.output("crasher")).count("again") >= 3

    await until(thrice, "three runs")
    (instance,) = await simulated.instances("crasher")
    assert (await simulated.events("crasher")).count("Instance Allocated") == 1
    assert instance["state"] in {"running", "creating"}


async def test_sigterm_lets_a_program_end_in_order(simulated: Stage) -> None:
    script = "trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 1000 & wait $!; done"
    await simulated.create("polite", ["sh", "-c", script])
    await simulated.until_said("polite", "ready")
    await simulated.call("stop_container_group", container_group_name="polite")
    await simulated.until_said("polite", "goodbye")
    await until(lambda: _none_left(simulated, "polite"), "no instance is left")


async def test_a_program_that_ignores_sigterm_is_killed_with_all_its_children(simulated: Stage) -> None:
    script = "trap '' TERM; (trap '' TERM; setsid sleep 7654321) & echo ready; sleep 7654322"
    await simulated.create("stubborn", ["sh", "-c", script])
    await simulated.until_said("stubborn", "ready")
    assert processes_with("7654321")
    await simulated.call("stop_container_group", container_group_name="stubborn")
    await until(lambda: _none_left(simulated, "stubborn"), "no instance is left")
    assert processes_with("7654321") == processes_with("7654322") == []


async def test_nothing_is_left_of_a_check_that_took_too_long(simulated: Stage) -> None:
    mark = str(70_000_000 + os.getpid())
    probe = {
        "exec": {"command": ["sh", "-c", f"trap '' HUP TERM; sleep {mark}; true"]},
        "initial_delay_seconds": 0,
        "period_seconds": 120,
        "timeout_seconds": 20,
        "success_threshold": 1,
        "failure_threshold": 1,
    }
    await simulated.create("probed", ["sleep", "1000"], readiness_probe=probe)
    await simulated.until_event("probed", "Instance Not Ready (Readiness Probe Failure)")

    async def nothing_left() -> bool:
        return not processes_with(mark)

    await until(nothing_left, "nothing of the check is left")


async def test_an_exec_probe_runs_inside(simulated: Stage) -> None:
    checked = {
        "exec": {"command": ["sh", "-c", 'test "$GREETING" = hello && test -e /tmp/"$SALAD_INSTANCE_ID"']},
        "initial_delay_seconds": 0,
        "period_seconds": 2,
        "timeout_seconds": 10,
        "success_threshold": 1,
        "failure_threshold": 2,
    }
    script = 'f=/tmp/$SALAD_INSTANCE_ID; trap "rm -f $f; exit" TERM; sleep 1; touch $f; sleep 1; rm $f; sleep 99 & wait'
    await simulated.create("probed", ["sh", "-c", script], environment={"GREETING": "hello"}, readiness_probe=checked)
    for event in (
        "Instance Ready (Readiness Probe Passed)",
        "Instance Not Ready (Readiness Probe Failure)",
    ):
        await simulated.until_event("probed", event)
    await simulated.call("stop_container_group", container_group_name="probed")


async def test_a_failed_liveness_probe_costs_the_machine(simulated: Stage) -> None:
    checked = {
        "exec": {"command": ["false"]},
        "initial_delay_seconds": 0,
        "period_seconds": 1,
        "timeout_seconds": 10,
        "success_threshold": 1,
        "failure_threshold": 2,
    }
    await simulated.create("sick", ["sleep", "1000"], liveness_probe=checked)
    await simulated.until_event("sick", "Instance Interrupted (Liveness Probe Failure)")
    await until(lambda: _allocated_twice(simulated, "sick"), "another machine")


async def _allocated_twice(simulated: Stage, name: str) -> bool:
    return (await simulated.events(name)).count("Instance Allocated") >= 2


async def _none_left(simulated: Stage, name: str) -> bool:
    return await simulated.instances(name) == []
