"""Many histories from fresh seeds, over all cores: `python -m tests.histories.campaign`, and again to go on.

What is done stands in a state file, so that a campaign can be interrupted and resumed, and is about one state of the
code: a resumed one says so when the code has changed meanwhile. The summary is a row for docs/reliability.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.histories.replay import command, play

STATE = Path(".campaign/histories.json")
_SAVED_EVERY = 10
_TOLD_EVERY_S = 30.0


class Failure(msgspec.Struct):
    """A history that ended badly; `what` is the last line of why."""

    seed: int
    what: str


class State(msgspec.Struct):
    """How far a campaign is: the first `done` of its seeds, which follow `first`."""

    first: int
    count: int
    code: str
    done: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    failures: list[Failure] = []

    def summary(self) -> str:
        """Return the row of docs/reliability.md."""
        last = self.first + self.done - 1
        hours, each = self.virtual_s / 3600, self.cpu_s / max(1, self.done)
        day = time.strftime("%Y-%m-%d", time.gmtime())
        bad = ", ".join(str(failure.seed) for failure in self.failures) or "none"
        return (
            f"| {day} | `{self.code}` | {self.first} to {last} | {self.done:,} | {hours:,.0f} | {each:.2f} s | {bad} |"
        )


class Result(msgspec.Struct):
    """What became of one seed."""

    seed: int
    what: str | None
    lasted_s: float
    cpu_s: float


def one(seed: int) -> Result:
    """Play one history in this process."""
    started = time.process_time()
    outcome = play(seed)
    what = None if outcome.failure is None else _why(outcome.failure)
    return Result(seed, what, outcome.told.lasted_s, time.process_time() - started)


def _why(failure: str) -> str:
    lines = [line for line in failure.splitlines() if line and not line[0].isspace() and ": " in line]
    return next((line for line in lines if "BrokenInvariant" in line), lines[-1] if lines else failure[-200:])[:300]


def _revision() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _state(path: Path, count: int, first: int | None) -> State:
    """Return the campaign that is under way, else a new one."""
    if path.exists():
        state = msgspec.json.decode(path.read_bytes(), type=State)
        if state.done < state.count:
            if state.code != _revision():
                print(f"note: begun with {state.code}, and the code is {_revision()} now", flush=True)
            return state
    return State(secrets.randbelow(10**9) if first is None else first, count, _revision())


def _save(path: Path, state: State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(path)


def _follow(results: Iterable[Result], state: State, path: Path) -> None:
    began, at_first, told = time.monotonic(), state.done, time.monotonic()
    for result in results:
        state.done += 1
        state.virtual_s += result.lasted_s
        state.cpu_s += result.cpu_s
        if result.what is not None:
            state.failures.append(Failure(result.seed, result.what))
            print(f"seed {result.seed}: {result.what}\n  again: {command(result.seed)}", flush=True)
        if state.done % _SAVED_EVERY == 0 or result.what is not None or state.done == state.count:
            _save(path, state)
        if time.monotonic() - told >= _TOLD_EVERY_S:
            told = time.monotonic()
            pace = (state.done - at_first) / (told - began)
            left_min = (state.count - state.done) / pace / 60
            print(f"{state.done} of {state.count}, {len(state.failures)} bad, {left_min:.0f} min left", flush=True)


def main() -> int:
    """Begin a campaign or go on with one; 1 when any of its histories ended badly."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.campaign", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="histories of a new campaign")
    parser.add_argument("--first", type=int, help="first seed of a new campaign; a random one if not given")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--state", type=Path, default=STATE, help="where to keep what is done")
    chosen = parser.parse_args()
    state = _state(chosen.state, chosen.count, chosen.first)
    print(f"histories {state.first} to {state.first + state.count - 1}, of which {state.done} are done", flush=True)
    seeds = range(state.first + state.done, state.first + state.count)
    ignore = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for this process: it keeps what is done
    try:
        with multiprocessing.Pool(chosen.processes, signal.signal, ignore, maxtasksperchild=500) as pool:
            _follow(pool.imap(one, seeds), state, chosen.state)
    except KeyboardInterrupt:
        _save(chosen.state, state)
        print("interrupted; the same command goes on from here", flush=True)
    print(state.summary())
    return 1 if state.failures else 0


if __name__ == "__main__":
    sys.exit(main())
