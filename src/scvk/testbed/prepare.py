"""Builds the control plane at need and shows the progress: for scripts that want the minutes spent beforehand."""

from __future__ import annotations

import asyncio
import sys

from scvk.testbed.build import build, find_build
from scvk.testbed.display import display
from scvk.testbed.errors import TestbedError
from scvk.testbed.releases import DEFAULT_VERSION


def main(version: str = DEFAULT_VERSION) -> int:
    """Build that release unless it is in the cache; return the exit code, after one clear error on standard error."""
    if find_build(version) is not None:
        return 0
    try:
        with display(sys.stderr) as report:
            asyncio.run(build(version, report=report))
    except TestbedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
