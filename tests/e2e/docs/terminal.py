"""Types the shell blocks of a page, in order, as a reader with several terminals would.

Every block is run by a shell of its own with `-eu`; the folder and the exported variables carry over to the next one.
What a page leaves running stays in the background until the page, or the end, interrupts it.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import until
from tests.unit.docs.pages import Command, Interrupt, Step, prints

BLOCK_DEADLINE_S = 300.0
ANNOUNCED_WITHIN_S = 120.0
END_DEADLINE_S = 30.0


@dataclass
class Background:
    """A block that goes on, with its processes in a group of their own; `log` has all that they wrote."""

    line: int
    log: Path
    process: asyncio.subprocess.Process

    def output(self) -> str:
        """Return what was written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def interrupt(self) -> None:
        """Press Ctrl-C; what is not over in time is ended by force, and that is a failure. Repeatable."""
        _signal(self.process.pid, signal.SIGINT)
        try:
            await until(f"what line {self.line} started has ended", self._ended, within=END_DEADLINE_S)
        finally:
            _signal(self.process.pid, signal.SIGKILL)
            await self.process.wait()

    async def _ended(self) -> bool:
        return self.process.returncode is not None and not _signal(self.process.pid, 0)


class Terminal:
    """Where a page is typed. `keyboard` is the standard input of every block; `replacements` change what is typed."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        keyboard: str,
        replacements: Mapping[str, str] | None = None,
    ) -> None:
        self._state = folder / "terminal"
        self._state.mkdir()
        self._environment = dict(environment)
        self._keyboard = keyboard.encode()
        self._replacements = dict(replacements or {})
        self._exports = self._state / "exports"
        self._exports.touch()
        self._where = self._state / "folder"
        work = folder / "work"
        work.mkdir()
        self._where.write_text(f"{work}\n", encoding="utf-8")
        self.background: list[Background] = []

    @property
    def folder(self) -> Path:
        """The folder in which the next block is typed."""
        return Path(self._where.read_text(encoding="utf-8").strip())

    async def type(self, step: Step) -> str:
        """Do one step and return what it printed; fail where the page promises something else."""
        match step:
            case Interrupt():
                for running in self.background:
                    await running.interrupt()
                return ""
            case Command(background=True):
                return await self._start(step)
            case Command():
                return await self._run(step)

    async def close(self) -> None:
        """End what is still running."""
        for running in reversed(self.background):
            await running.interrupt()

    async def _run(self, command: Command) -> str:
        script = self._script(command, keep=True)
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-eu",
            str(script),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(BLOCK_DEADLINE_S):
                output, _ = await process.communicate(self._keyboard)
        except TimeoutError:
            raise AssertionError(f"line {command.line}: no end after {BLOCK_DEADLINE_S:.0f} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.decode("utf-8", "replace")
        assert process.returncode == 0, f"line {command.line}: exit code {process.returncode}\n{text}"
        expected = self._replaced(command.expected)
        assert not expected or prints(expected, text), (
            f"line {command.line}: the page promises\n{expected}\nbut\n{text}"
        )
        return text

    async def _start(self, command: Command) -> str:
        script = self._script(command, keep=False)
        log = self._state / f"{command.line}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                "sh",
                "-eu",
                str(script),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        running = Background(command.line, log, process)
        self.background.append(running)
        expected = self._replaced(command.expected)

        async def announced() -> bool:
            assert process.returncode is None, f"line {command.line}: it has ended\n{running.output()}"
            return not expected or prints(expected, running.output(), anywhere=True)

        await until(f"line {command.line} prints {expected!r}; its log is {log}", announced, within=ANNOUNCED_WITHIN_S)
        return running.output()

    def _script(self, command: Command, *, keep: bool) -> Path:
        exports, where = shlex.quote(str(self._exports)), shlex.quote(str(self._where))
        lines = [f". {exports}", f'cd "$(cat {where})"', self._replaced(command.script).rstrip("\n")]
        if keep:
            lines += [f"export -p > {exports}", f"pwd > {where}"]
        script = self._state / f"{command.line}.sh"
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return script

    def _replaced(self, text: str) -> str:
        for what, by in self._replacements.items():
            text = text.replace(what, by)
        return text


def _signal(group: int, number: int) -> bool:
    """Signal a group of processes; return whether any process of it was left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
