"""Builds the control plane and its add-ons at need and shows the progress: for scripts that want that done first."""

from __future__ import annotations

import asyncio
import sys

from scvk.testbed.add_ons import ADD_ONS
from scvk.testbed.build import build_program, find_program
from scvk.testbed.display import display
from scvk.testbed.errors import TestbedError
from scvk.testbed.releases import DEFAULT_VERSION, release


def main(version: str = DEFAULT_VERSION) -> int:
    """Build what is not in the cache; return the exit code, after one clear error on standard error."""
    try:
        for program in (release(version), *(add_on() for add_on in ADD_ONS)):
            if find_program(program) is None:
                with display(sys.stderr) as report:
                    asyncio.run(build_program(program, report=report))
    except TestbedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
