"""Exec probes begin in the container's workingDir."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scvk.provider.translate import Outcome, Translation

Translate = Callable[..., Translation]


def probed(translated: Translate, working_dir: str | None, command: list[str]) -> Translation:
    fields: dict[str, Any] = {"livenessProbe": {"exec": {"command": command}, "periodSeconds": 10}}
    return translated(command=["run"], workingDir=working_dir, **fields)


def command_of(translation: Translation) -> tuple[str, ...]:
    assert translation.request is not None
    assert translation.request.liveness_probe is not None
    assert translation.request.liveness_probe.exec is not None
    return translation.request.liveness_probe.exec.command or ()


def test_without_a_working_directory_the_command_stays(translated: Translate) -> None:
    assert command_of(probed(translated, None, ["test", "-f", "up"])) == ("test", "-f", "up")


@pytest.mark.parametrize("name", ["plain", "with space", "quote's", "-dash", "$HOME"])
def test_with_one_the_command_runs_there(translated: Translate, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "up").touch()
    translation = probed(translated, str(tmp_path / name), ["test", "-f", "up"])
    assert ("spec.containers[0].livenessProbe.exec", Outcome.EMULATED) in [
        (each.path, each.outcome) for each in translation.findings
    ]
    assert subprocess.run(command_of(translation), check=False).returncode == 0
    (tmp_path / name / "up").unlink()
    assert subprocess.run(command_of(translation), check=False).returncode == 1


@pytest.mark.parametrize(("working_dir", "items"), [("/srv", 100), ("/" + "x" * 2048, 1)], ids=["items", "length"])
def test_beyond_the_limits_that_is_degraded(translated: Translate, working_dir: str, items: int) -> None:
    translation = probed(translated, working_dir, ["x"] * items)
    assert command_of(translation) == ("x",) * items
    assert [each.path for each in translation.findings if each.outcome is Outcome.DEGRADED] == [
        "spec.containers[0].livenessProbe.exec"
    ]
