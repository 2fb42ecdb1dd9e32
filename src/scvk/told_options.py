"""The options that an agent was given, for whoever may read its configuration: all but those that are secret."""

from __future__ import annotations

import dataclasses
from typing import Any


def told_options(settings: Any) -> dict[str, Any]:
    """Return the fields of a dataclass of settings by their flags' names; those that `repr` hides are secret."""
    return {
        each.name.replace("_", "-"): getattr(settings, each.name) for each in dataclasses.fields(settings) if each.repr
    }
