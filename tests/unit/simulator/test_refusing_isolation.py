"""Where the kernel allows no namespaces, programs run only if somebody says that they may."""

from __future__ import annotations

import io
from typing import Any

import pytest

from scvk.simulator.launcher import trial
from scvk.simulator.launcher.namespaces import Namespaces
from scvk.simulator.run import run_simulate
from scvk.simulator.runtime.link import LauncherLink

REFUSED = "unshare: Operation not permitted"


@pytest.mark.parametrize(
    ("mode", "report", "refusal"),
    [
        ("namespaces", "", REFUSED),
        ("auto", f"no isolation on this machine ({REFUSED})", ""),
        ("none", "switched off", ""),
    ],
)
def test_what_a_mode_means_without_namespaces(
    monkeypatch: pytest.MonkeyPatch, mode: str, report: str, refusal: str
) -> None:
    monkeypatch.setattr(trial, "complaint_about", lambda _attempt: REFUSED)
    said, refused = Namespaces().choose(mode)
    assert report in " ".join(said)
    assert refused == refusal


def test_the_command_refuses_in_one_line_that_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hello(_link: LauncherLink) -> dict[str, Any]:
        return {"isolated": False, "report": [], "refusal": REFUSED}

    monkeypatch.setattr(LauncherLink, "open", hello)
    err, out = io.StringIO(), io.StringIO()
    assert run_simulate(out=out, err=err) == 1
    assert (err.getvalue().count("\n"), out.getvalue()) == (1, "")
    assert REFUSED in err.getvalue()
    assert "--isolation none" in err.getvalue()
