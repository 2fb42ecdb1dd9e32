"""`scvk gc` at a terminal and in a script: what is printed where, what is asked, and exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from scvk.cli import gc as gc_module
from scvk.cli.app import execute
from scvk.kubelet.orphans import Verdict
from scvk.left_overs import GroupReport, Survey
from scvk.provider.adoption import GroupCounts
from scvk.provider.ownership import PodMark


def report(name: str, verdict: Verdict, reason: str = "why") -> GroupReport:
    return GroupReport(f"shop-{name}-x", PodMark("c1", "shop", name, f"uid-{name}", 0, "node-a"), verdict, reason)


ORPHAN = report("gone", Verdict.ORPHANED, "its pod is gone")
KEPT = report("here", Verdict.KEPT, "its pod exists")
UNKNOWN = report("doubt", Verdict.UNKNOWN, "whether pod shop/doubt exists was not learned: 500")


@dataclass
class FakeLeftOvers:
    found: Survey
    confirmed: bool = True
    deleted: int = 0
    pauses: tuple[float, ...] = ()

    async def survey(self, *, pause_s: float) -> Survey:
        self.pauses += (pause_s,)
        return self.found

    async def delete(self, survey: Survey) -> Survey:
        self.deleted += 1
        groups = [
            replace(one, deleted=self.confirmed) if one.verdict is Verdict.ORPHANED else one for one in survey.groups
        ]
        return replace(survey, groups=tuple(groups))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def given(monkeypatch: pytest.MonkeyPatch, *reports: GroupReport, **given: Any) -> FakeLeftOvers:
    left_overs = FakeLeftOvers(Survey(reports, GroupCounts(owned=len(reports), foreign=2), ("a-b",)), **given)

    @asynccontextmanager
    async def opened(_: object) -> AsyncIterator[FakeLeftOvers]:
        yield left_overs

    monkeypatch.setattr(gc_module, "_left_overs", opened)
    return left_overs


@pytest.mark.parametrize(
    ("reports", "words", "code", "deletes"),
    [
        pytest.param((KEPT, ORPHAN), ["--dry-run"], 0, 0, id="only shown"),
        pytest.param((KEPT, ORPHAN), ["--dry-run", "--yes"], 0, 0, id="shown, whatever else is said"),
        pytest.param((KEPT, UNKNOWN), ["--dry-run"], 1, 0, id="something was not learned"),
        pytest.param((KEPT, ORPHAN), ["--yes"], 0, 1, id="deleted"),
        pytest.param((KEPT,), ["--yes"], 0, 0, id="nothing to delete"),
        pytest.param((), ["--yes"], 0, 0, id="nothing at all"),
        pytest.param((ORPHAN, UNKNOWN), ["--yes"], 1, 1, id="deleted, and something was not learned"),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, reports: tuple[GroupReport, ...], words: list[str], code: int, deletes: int
) -> None:
    left_overs = given(monkeypatch, *reports)
    assert execute(["gc", *words]) == code
    assert left_overs.deleted == deletes


def test_a_deletion_that_is_not_confirmed_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, ORPHAN, confirmed=False)
    assert execute(["gc", "--yes"]) == 1
    assert "not confirmed" in capsys.readouterr().out


def test_a_script_must_say_what_it_wants(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    left_overs = given(monkeypatch, ORPHAN)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert execute(["gc"]) == 2
    assert "give --yes to delete, or --dry-run to look" in capsys.readouterr().err
    assert left_overs.pauses == ()


@pytest.mark.parametrize(
    ("answer", "code", "deletes"), [("y\n", 0, 1), ("YES\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("", 1, 0)]
)
def test_at_a_terminal_it_asks_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, code: int, deletes: int
) -> None:
    left_overs = given(monkeypatch, ORPHAN)
    monkeypatch.setattr("sys.stdin", _Terminal(answer))
    assert execute(["gc"]) == code
    told = capsys.readouterr().err
    assert "shop-gone-x" in told
    assert "Delete these 1 container groups? [y/N]" in told
    assert left_overs.deleted == deletes


def test_a_table_has_a_line_for_each_group_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, KEPT, UNKNOWN, ORPHAN)
    execute(["gc", "--dry-run"])
    told = capsys.readouterr()
    lines = [line.rstrip().split(maxsplit=4) for line in told.out.splitlines()]
    assert lines == [
        ["GROUP", "POD", "NODE", "VERDICT", "REASON"],
        ["shop-gone-x", "shop/gone", "node-a", "orphaned", "its pod is gone"],
        ["shop-doubt-x", "shop/doubt", "node-a", "unknown", UNKNOWN.reason],
        ["shop-here-x", "shop/here", "node-a", "kept", "its pod exists"],
    ]
    assert "3 of this cluster: 1 kept, 1 orphaned, 1 unknown." in told.err
    assert "2 of others" in told.err
    assert "Made by the Go program, and never collected" in told.err


def test_json_is_all_that_stands_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, KEPT, ORPHAN)
    assert execute(["gc", "--yes", "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "groups": [
            {
                "group": "shop-here-x",
                "namespace": "shop",
                "pod": "here",
                "uid": "uid-here",
                "node": "node-a",
                "verdict": "kept",
                "reason": "its pod exists",
                "deleted": None,
            },
            {
                "group": "shop-gone-x",
                "namespace": "shop",
                "pod": "gone",
                "uid": "uid-gone",
                "node": "node-a",
                "verdict": "orphaned",
                "reason": "its pod is gone",
                "deleted": True,
            },
        ],
        "foreign": 2,
        "ownerNotShown": 0,
        "legacy": ["a-b"],
        "listingMayBeCut": False,
    }


def test_the_passes_stand_as_far_apart_as_the_agents_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    left_overs = given(monkeypatch, ORPHAN)
    execute(["gc", "--dry-run"])
    execute(["gc", "--dry-run", "--pause", "5"])
    assert left_overs.pauses == (30, 5)
    assert execute(["gc", "--dry-run", "--pause", "0"]) == 2
