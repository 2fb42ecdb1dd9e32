"""`scvk uninstall`: what it asks, and that it does nothing without a yes."""

from __future__ import annotations

import io

import pytest

from scvk.cli import uninstall as command
from scvk.cli.app import execute
from scvk.cli.uninstall import question_of
from scvk.kubelet.leaving import Leaving
from scvk.settings import AgentSettings
from scvk.uninstall import Confirm, Plan, Tell


@pytest.mark.parametrize(
    ("how", "words"), [(Leaving.DRAIN, "container groups will be deleted"), (Leaving.KEEP, "costing money")]
)
def test_the_question_says_what_goes_and_what_it_costs(how: Leaving, words: str) -> None:
    asked = question_of(Plan("salad", how, tuple(f"shop/web-{number:02}" for number in range(12))))
    assert words in asked
    assert "12 pods" in asked
    assert "shop/web-09\n" in asked
    assert "web-10" not in asked
    assert "and 2 more" in asked
    assert asked.endswith("[y/N] ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def agreed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the person said, each time that somebody asked."""
    answers: list[bool] = []

    async def uninstall_node(
        settings: AgentSettings, how: Leaving, *, within_s: float, confirm: Confirm, tell: Tell
    ) -> bool:
        answers.append(confirm(Plan("salad", how, ("shop/web",))))
        return answers[-1]

    monkeypatch.setattr(command, "uninstall_node", uninstall_node)
    return answers


@pytest.mark.parametrize(
    ("typed", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("", 1), ("yes please\n", 1)]
)
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, agreed: list[bool], typed: str, code: int) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert execute(["uninstall", "--groups", "drain", "--nodename", "salad"]) == code
    assert agreed == [code == 0]


def test_a_script_says_yes_beforehand_and_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, agreed: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert execute(["uninstall", "--groups", "keep", "--nodename", "salad"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert agreed == []
    assert execute(["uninstall", "--groups", "keep", "--nodename", "salad", "--yes"]) == 0
    assert agreed == [True]


@pytest.mark.parametrize("words", [[], ["--groups", "burn"], ["--groups", "drain", "--timeout", "0"]])
def test_what_becomes_of_the_groups_must_be_said(agreed: list[bool], words: list[str]) -> None:
    assert execute(["uninstall", "--yes", *words]) == 2
    assert agreed == []
