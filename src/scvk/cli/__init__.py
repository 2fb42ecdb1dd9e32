"""The commands of `scvk`: parse, wire, report. What they do lives in the other rooms.

`main` is the entry point of both console scripts.
"""

try:
    from scvk.cli.app import main
except KeyboardInterrupt:  # while the modules are still being loaded, which takes a second
    raise SystemExit(130) from None

__all__ = ["main"]
