"""The parts by hand, as docs/getting-started.md has them (the demo has tests of its own)."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tests.e2e.docs.terminal import Terminal
from tests.unit.docs.pages import page, steps


async def test_the_parts_by_hand_start_and_find_each_other(readers_environment: dict[str, str], tmp_path: Path) -> None:
    # The page names a port; on a developer's machine it may be taken.
    terminal = Terminal(tmp_path, readers_environment, keyboard="", replacements={"8787": str(free_port())})
    (terminal.folder / ".venv").symlink_to(sys.prefix)
    try:
        outputs = [await terminal.type(step) for step in steps(page("docs/getting-started.md"))]
    finally:
        await terminal.close()
    assert '"id"' in outputs[-1]
    for running in terminal.background:
        assert "Traceback" not in running.output()


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
