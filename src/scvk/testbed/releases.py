"""Which Kubernetes releases can be built: one `main.go` for all, `go.mod` and `go.sum` for each.

`scvk.testbed.derivation` wrote the latter.
"""

from __future__ import annotations

from scvk.testbed.errors import TestbedError
from scvk.testbed.go_program import SOURCES, GoProgram

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
DEFAULT_VERSION = "1.37.2"

RELEASED = {
    # When the release was tagged, as the Go module proxy says (`.info` of k8s.io/kubernetes): the build date
    # that the programs show. A real clock would make every build a different program.
    "1.37.2": "2026-10-27T12:01:04Z",
    "1.34.4": "2026-02-10T12:53:36Z",
}


def release(version: str) -> GoProgram:
    """The release of that version (`1.37.2` or `v1.37.2`). Raises TestbedError for one that is not here."""
    number = version.removeprefix("v")
    if number not in RELEASED:
        raise TestbedError(
            f"build Kubernetes {version}",
            "its sources are not among those that this package carries",
            f"choose one of {', '.join(RELEASED)}",
        )
    folder = SOURCES / f"v{number}"
    return GoProgram(
        kind="control-plane",
        title=f"Kubernetes {number}",
        version=number,
        package=".",
        names=PROGRAMS,
        main_go=(SOURCES / "main.go").read_bytes(),
        go_mod=(folder / "go.mod").read_bytes(),
        go_sum=(folder / "go.sum").read_bytes(),
        facts=_facts(number, RELEASED[number]),
    )


def _facts(version: str, released: str) -> tuple[tuple[str, str], ...]:
    """The version as the official builds set it.

    Without one the server calls itself `v0.0.0-master+$Format:%H$`, which clients cannot parse. Both packages exist:
    the programs say component-base's version, client-go puts its own into the User-Agent.
    """
    major, minor, _ = version.split(".")
    facts = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "",  # the module proxy does not tell it
        "gitTreeState": "archive",
        "buildDate": released,
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple((f"{package}.{name}", value) for package in packages for name, value in facts.items())
