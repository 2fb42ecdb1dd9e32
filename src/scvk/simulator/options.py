"""The command line's words for a simulator, read into values. Pure; every refusal is a ValueError of one line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scvk.simulator.config import ApiKey, Durations
from scvk.simulator.durations import parse_duration

# `OrganizationName` and `ProjectName`, OpenAPI document.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_STEPS = ("image_pull", "allocate", "download", "create", "stop_grace", "delete")
_FIXED_STEPS = ("stop_grace",)


def parse_api_key(text: str, organizations: Sequence[str]) -> ApiKey:
    """`KEY`, or `KEY=ORG,ORG` for one that reaches only these organizations.

    A `=` at the very end belongs to the key, as in Base64.
    """
    key, sign, names = text.rpartition("=")
    if not sign or not names:
        key, reached = text, None
    else:
        reached = tuple(names.split(","))
        unknown = [name for name in reached if name not in organizations]
        if unknown:
            raise ValueError(f"--api-key: there is no organization {unknown[0]!r}; known: {', '.join(organizations)}")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("--api-key must be printable ASCII without spaces, as a header can carry it")
    return ApiKey(key, reached)


def parse_durations(texts: Sequence[str]) -> Durations:
    """`STEP=DURATION` each (see `durations`); what is not named keeps its default."""
    found: dict[str, Any] = {}
    for text in texts:
        step, _, duration = text.partition("=")
        if step not in _STEPS:
            raise ValueError(f"--duration: there is no step {step[:40]!r}; known: {', '.join(_STEPS)}")
        try:
            found[f"{step}_s"] = parse_duration(duration)
        except ValueError as error:
            raise ValueError(f"--duration {step}: {error}") from None
        if step in _FIXED_STEPS and not isinstance(found[f"{step}_s"], float):
            raise ValueError(f"--duration {step}: takes a fixed time only")
    return replace(Durations(), **found)


def checked_names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of organizations or projects, as the document has them."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"--{option}: {name[:70]!r} is no name: 2 to 63 of a-z, 0-9 and -, beginning with a letter and "
                "not ending with -"
            )
    return tuple(dict.fromkeys(names))


def checked_speed(speed: float) -> float:
    """A finite number above 0."""
    if not (speed > 0 and math.isfinite(speed)):
        raise ValueError(f"--speed must be above 0, got {speed}")
    return speed


def checked_number(option: str, number: int, least: int) -> int:
    """A whole number that is not too small."""
    if number < least:
        raise ValueError(f"--{option} must be at least {least}, got {number}")
    return number
