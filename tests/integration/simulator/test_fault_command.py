"""`scvk simulate fault …` against a running simulator."""

from __future__ import annotations

import asyncio

import pytest

from scvk.cli.app import execute
from tests.integration.simulator.stage import KEY, Stage, stage

QUOTAS = "/organizations/acme-corp/quotas"


async def fault(simulated: Stage, *words: str) -> int:
    return await asyncio.to_thread(execute, ["simulate", "fault", *words, "--url", simulated.served.base_url])


async def test_faults_are_set_listed_and_cleared(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage(runtime="virtual") as simulated:
        words = ("set", "status", "--status", "429", "--retry-after", "7", "--operation", "get_quotas", "--count", "2")
        assert await fault(simulated, *words) == 0
        assert capsys.readouterr().out == "1 status hits=0 status=429 operations=get_quotas count=2 retry_after=7\n"
        answer = await simulated.http.get(simulated.served.base_url + QUOTAS, headers={"Salad-Api-Key": KEY})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert await fault(simulated, "set", "events-lost", "--event", "Instance *") == 0
        capsys.readouterr()
        assert await fault(simulated, "list") == 0
        assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
            ["1", "status", "hits=1"],
            ["2", "events-lost", "hits=0"],
        ]
        assert await fault(simulated, "clear", "1") == 0
        assert await fault(simulated, "clear") == 0
        assert simulated.simulator.faults.active() == []


async def test_nodes_are_taken_offline(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage(runtime="virtual") as simulated:
        await simulated.create("web", ["app"])
        instance = await simulated.until_running("web")
        assert await fault(simulated, "interrupt", "--group", "w*", "--reason", "priority") == 0
        assert capsys.readouterr().out.split() == [instance["id"]]
        await simulated.until_event("web", "Instance Interrupted (Priority)")


async def test_what_the_simulator_refuses_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage(runtime="virtual") as simulated:
        assert await fault(simulated, "set", "latency") == 1
        assert capsys.readouterr().err == "scvk: the simulator refused: latency needs seconds\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no address", "http://[::1"])
def test_no_simulator_is_one_line(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert execute(["simulate", "fault", "list", "--url", url]) == 1
    error = capsys.readouterr().err
    assert error.startswith("scvk: no simulator answers at")
    assert error.count("\n") == 1
