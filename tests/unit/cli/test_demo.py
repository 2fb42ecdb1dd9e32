"""`scvk demo`: what it leaves behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog

from scvk.cli.app import execute
from scvk.demo import run as run_module
from scvk.demo.scenario import DemoFailed


@pytest.fixture(autouse=True)
def logs_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize(
    ("ends", "code", "kept"),
    [
        pytest.param(0, 0, 0, id="well"),
        pytest.param(130, 130, 0, id="interrupted"),
        pytest.param(DemoFailed("not within 180 s"), 1, 1, id="failed"),
    ],
)
def test_the_log_is_kept_only_where_it_can_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ends: int | DemoFailed, code: int, kept: int
) -> None:
    async def run_demo(**_: Any) -> int:
        structlog.get_logger("scvk").info("something")
        if isinstance(ends, DemoFailed):
            raise ends
        return ends

    monkeypatch.setattr(run_module, "run_demo", run_demo)
    assert execute(["demo", "--exit"]) == code
    assert len(list(tmp_path.iterdir())) == kept


def test_an_empty_log_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["demo", "--kubeconfig", "/does/not/exist"]) == 1
    assert "/does/not/exist does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
