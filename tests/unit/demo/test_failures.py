"""What ends the demo is told in one line, however many task groups it went through."""

from __future__ import annotations

import pytest

from scvk.agent import AgentError
from scvk.demo.run import cause_of
from scvk.demo.scenario import DemoFailed
from scvk.saladcloud.errors import Call, ServerError
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
