"""What ends the demo is told in one line, however many task groups it went through; the demo's own key is no flag."""

from __future__ import annotations

import pytest

from scvk import agent
from scvk.agent import AgentError
from scvk.demo.run import cause_of
from scvk.demo.scenario import DemoFailed
from scvk.saladcloud.errors import Call, ServerError
from scvk.settings import AgentSettings
from scvk.testbed import TestbedError

CALL = Call("list_container_groups", "GET", "/containers", "list container groups")


@pytest.mark.parametrize(
    "error",
    [
        AgentError("no way to the cluster"),
        DemoFailed("not within 180 s"),
        TestbedError("start", "a port is taken", "try again"),
        ServerError(CALL, status=500),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_user_can_read_is_found_in_groups_of_groups(error: Exception) -> None:
    assert cause_of(ExceptionGroup("outer", [ExceptionGroup("inner", [error])])) is error


def test_a_bug_is_not_taken_for_something_that_a_user_can_read() -> None:
    assert cause_of(ExceptionGroup("outer", [ZeroDivisionError()])) is None


async def test_only_an_agent_of_a_command_line_is_warned_of_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[AgentSettings] = []
    monkeypatch.setattr(agent, "_warn_of_exposure", lambda settings, _: warned.append(settings))
    settings = AgentSettings(
        sce_api_key="key", sce_organization_name="acme-corp", sce_project_name="default", kubeconfig="/does/not/exist"
    )
    with pytest.raises(AgentError):
        await agent.play_node(settings)
    assert warned == []
    with pytest.raises(AgentError):
        await agent.run_agent(settings)
    assert warned == [settings]
