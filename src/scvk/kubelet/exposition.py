"""Metrics as text, in the format of Prometheus (version 0.0.4): pure.

Labels are written in the order given: some readers of a kubelet's metrics take them by position.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One value; `at` in Unix seconds where it is as of another moment than the one of reading."""

    value: float
    labels: Labels = ()
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its series; one without series is left out."""

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    series: tuple[Series, ...]


def exposition(families: Iterable[Family]) -> str:
    """Return the text, ordered by the metrics' names."""
    lines: list[str] = []
    for family in sorted(families, key=lambda each: each.name):
        if family.series:
            meaning = family.meaning.replace("\\", r"\\").replace("\n", r"\n")
            lines += [f"# HELP {family.name} {meaning}", f"# TYPE {family.name} {family.kind}"]
            lines += [_line(family.name, series) for series in family.series]
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, series: Series) -> str:
    labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in series.labels)
    moment = "" if series.at is None else f" {int(series.at * 1000)}"
    return f"{name}{f'{{{labels}}}' if labels else ''} {_number(series.value)}{moment}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    return repr(value)
