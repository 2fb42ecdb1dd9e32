"""The commands of `scvk`: parse, wire, report. What they do lives in the other rooms.

`main` is the entry point of both console scripts.
"""

from scvk.cli.app import main

__all__ = ["main"]
