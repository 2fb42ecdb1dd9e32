"""The one error of options that are missing or wrong."""

from __future__ import annotations


class SettingsError(Exception):
    """Options are missing or wrong: the text names the option and what to do. A usage error (exit code 2)."""
