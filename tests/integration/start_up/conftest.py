"""The start-up wrapper run by real shells: each of those that images have as `/bin/sh`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scvk.provider.translate.start_up import TerminationMessage
from tests.integration.start_up.shells import Shell, busybox, installed


@pytest.fixture(scope="session", params=["dash", "bash", "busybox"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Each of the shells that images have as `/bin/sh`."""
    match request.param:
        case "busybox":
            return busybox(tmp_path_factory.mktemp("applets"))
        case "bash":
            return installed("bash", "--posix")
        case name:
            return installed(name)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder to rebuild things in, which can be removed whatever modes they get."""
    yield tmp_path
    for path in tmp_path.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


@pytest.fixture
def message(tmp_path: Path) -> TerminationMessage:
    """A termination message at a path that has to be made, and quoted."""
    return TerminationMessage(str(tmp_path / "folder/it's the message"))
