"""Plays one history again: `python -m tests.histories.replay SEED` tells its steps, and how it ended.

A seed gives the same history in any process and with any PYTHONHASHSEED, for one state of the code.
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from tests.histories.history import LASTS_S, live
from tests.histories.told import Told
from tests.histories.virtual_time import run_virtually


@dataclass(frozen=True)
class Outcome:
    """How a history ended: `failure` is None where all was well."""

    seed: int
    told: Told
    failure: str | None


def command(seed: int) -> str:
    """Return what to type to have the history again."""
    return f".venv/bin/python -m tests.histories.replay {seed}"


def play(seed: int, *, lasts_s: float = LASTS_S) -> Outcome:
    """Live one history on a virtual clock."""
    told = Told()
    try:
        with _quiet():
            run_virtually(live(seed, lasts_s=lasts_s, told=told))
    except Exception as error:  # noqa: BLE001 - whatever it is, a history ended with it
        return Outcome(seed, told, "".join(traceback.format_exception(error)))
    return Outcome(seed, told, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Log lines by the hundred thousand are of no use: a history tells its own steps."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def main() -> int:
    """Play the history that is asked for; 1 when it ended badly."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.replay", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--seconds", type=float, default=LASTS_S, help="how long things go on happening")
    chosen = parser.parse_args()
    outcome = play(chosen.seed, lasts_s=chosen.seconds)
    print("\n".join(outcome.told.lines))
    print(f"traffic {outcome.told.digest}")
    print(outcome.failure or "all was well", end="" if outcome.failure else "\n")
    return 0 if outcome.failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
