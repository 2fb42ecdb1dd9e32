"""Which Kubernetes releases can be built, and the sources that each is built from.

The sources are package data: one `main.go` for all, and `go.mod` and `go.sum` for each release, so that a
build downloads exactly what was reviewed and nothing has to be resolved on the user's machine.
`scvk.testbed.derivation` wrote them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scvk.testbed.errors import TestbedError

PROGRAM = Path(__file__).parent / "program"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
DEFAULT_VERSION = "1.37.2"

RELEASED = {
    # When the release was tagged, as the Go module proxy says (`.info` of k8s.io/kubernetes): the build date
    # that the programs show. A real clock would make every build a different program.
    "1.37.2": "2026-10-27T12:01:04Z",
    "1.34.4": "2026-02-10T12:53:36Z",
}


@dataclass(frozen=True, slots=True)
class Release:
    """A Kubernetes release and its sources. `version` has no `v`: `1.37.2`."""

    version: str
    released: str
    main_go: bytes
    go_mod: bytes
    go_sum: bytes

    @property
    def go_required(self) -> tuple[int, int, int]:
        """The oldest Go that can build it: the `go` line of its go.mod."""
        match = re.search(rb"^go (\d+)\.(\d+)(?:\.(\d+))?$", self.go_mod, re.MULTILINE)
        if match is None:
            raise ValueError(f"go.mod of Kubernetes {self.version} has no go line")
        return int(match[1]), int(match[2]), int(match[3] or 0)

    @property
    def modules(self) -> int:
        """How many modules a build downloads at most: the lines of go.sum that are not for a go.mod."""
        return sum(1 for line in self.go_sum.splitlines() if b"/go.mod " not in line)

    @property
    def linker_flags(self) -> tuple[str, ...]:
        """For `go build -ldflags`: no debug information, and the version as the official builds set it.

        Without a version the server calls itself `v0.0.0-master+$Format:%H$`, which clients cannot parse.
        Both packages exist: the programs say component-base's version, client-go puts its own into the
        User-Agent.
        """
        major, minor, _ = self.version.split(".")
        facts = {
            "gitVersion": f"v{self.version}",
            "gitMajor": major,
            "gitMinor": minor,
            "gitCommit": "",  # the module proxy does not tell it
            "gitTreeState": "archive",
            "buildDate": self.released,
        }
        packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        return (
            "-s",
            "-w",
            *(f"-X={package}.{name}={value}" for package in packages for name, value in facts.items()),
        )


def release(version: str) -> Release:
    """The release of that version (`1.37.2` or `v1.37.2`). Raises TestbedError for one that is not here."""
    number = version.removeprefix("v")
    if number not in RELEASED:
        raise TestbedError(
            f"build Kubernetes {version}",
            "its sources are not among those that this package carries",
            f"choose one of {', '.join(RELEASED)}",
        )
    folder = PROGRAM / f"v{number}"
    return Release(
        version=number,
        released=RELEASED[number],
        main_go=(PROGRAM / "main.go").read_bytes(),
        go_mod=(folder / "go.mod").read_bytes(),
        go_sum=(folder / "go.sum").read_bytes(),
    )
