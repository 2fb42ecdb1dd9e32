"""A stop: any number of signals, one clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from scvk import agent
from scvk.settings import AgentSettings


async def test_an_impatient_operator_does_not_cut_a_clean_stop_short(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def play_node(_: AgentSettings) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
                await asyncio.sleep(0.05)
            done.append("lease released")

    monkeypatch.setattr(agent, "play_node", play_node)
    running = asyncio.create_task(agent.run_agent(AgentSettings()))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 5)
    assert done == ["lease released"]


def test_ctrl_c_while_the_program_is_still_loading_shows_no_traceback() -> None:
    code = """
import sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == "scvk.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
import scvk.cli
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "")
