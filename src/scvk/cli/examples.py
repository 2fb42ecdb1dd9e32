"""The examples of a command's docstring as the end of its help, where people look for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_HEADING = "Examples\n--------\n"


def examples_of(command: Callable[..., Any]) -> str:
    """Return the section "Examples" of a docstring as Markdown, empty where it has none."""
    _, found, examples = (inspect.getdoc(command) or "").partition(_HEADING)
    return f"**Examples**\n\n{examples.strip()}\n" if found else ""
