"""Fixtures: this repository as a reader would clone it, and the programs that a reader has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scvk.testbed import Testbed
from tests.unit.docs.pages import ROOT


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit: the working tree as it is, what is not committed yet included."""
    place = tmp_path / "repository"
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in listed:
        if name and (ROOT / name).is_file():
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    _git(place, "init", "--quiet", "--initial-branch=main")
    _git(place, "add", "--all", "--force")
    _git(place, "-c", "user.name=reader", "-c", "user.email=reader@example.com", "commit", "--quiet", "-m", "As it is")
    return place


@pytest.fixture
def readers_environment(tmp_path: Path) -> dict[str, str]:
    """The variables of this process, but for its settings, and with Python and uv on the PATH."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SALAD_", "SCVK_", "KUBE", "VIRTUAL_ENV")) and name != "POD_IP"
    }
    programs = str(Path(sys.executable).parent)
    return {
        **kept,
        "PATH": f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "KUBECACHEDIR": str(tmp_path / "kubectl-cache"),
        "KUBERC": "off",
    }


def with_cluster(environment: dict[str, str], testbed: Testbed) -> dict[str, str]:
    """Add the testbed as the reader's current cluster, and its kubectl."""
    path = f"{testbed.kubectl_path.parent}{os.pathsep}{environment['PATH']}"
    return {**environment, "PATH": path, "KUBECONFIG": str(testbed.kubeconfig)}


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout
