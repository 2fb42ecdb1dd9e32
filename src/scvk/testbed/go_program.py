"""A Go program on paper: the sources that it is built from, and what they say of the build.

The sources are package data, `go.sum` among them, so that a build downloads exactly what was reviewed and nothing has
to be resolved on the user's machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "program"


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One program to build. `version` has no `v`.

    `kind` is its folder in the cache, `title` what people call it, `package` what `go build` is given, and `names` are
    those under which the built program lies in the folder. `main_go` is None where the package is somebody's own.
    `facts` are variables of Go packages set at link time.
    """

    kind: str
    title: str
    version: str
    package: str
    names: tuple[str, ...]
    go_mod: bytes
    go_sum: bytes
    main_go: bytes | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def go_required(self) -> tuple[int, int, int]:
        """The oldest Go that can build it: the `go` line of its go.mod."""
        match = re.search(rb"^go (\d+)\.(\d+)(?:\.(\d+))?$", self.go_mod, re.MULTILINE)
        if match is None:
            raise ValueError(f"go.mod of {self.title} has no go line")
        return int(match[1]), int(match[2]), int(match[3] or 0)

    @property
    def modules(self) -> int:
        """How many modules a build downloads at most: the lines of go.sum that are not for a go.mod."""
        return sum(1 for line in self.go_sum.splitlines() if b"/go.mod " not in line)

    @property
    def linker_flags(self) -> tuple[str, ...]:
        """For `go build -ldflags`: no debug information, and the facts."""
        return ("-s", "-w", *(f"-X={variable}={value}" for variable, value in self.facts))

    @property
    def last_package(self) -> str:
        """The package that `go build -v` names last: the program itself."""
        if self.main_go is None:
            return self.package
        match = re.search(rb"^module (\S+)$", self.go_mod, re.MULTILINE)
        return match[1].decode() if match else self.package
