"""The environment that Go is run in: the user's own, but for what would make another program or none.

Proxies, caches, checksum settings and credentials of the user stay. What stands in the way goes: a
`GOFLAGS=-mod=vendor` for the user's own project, a `GOOS` for cross-compiling, a workspace file in a parent
folder.
"""

from __future__ import annotations

from collections.abc import Mapping

KEPT_GO_FLAGS = ("-modcacherw", "-p=")
"""Flags that change how Go works and not what it makes."""

REMOVED = (
    "GOOS",
    "GOARCH",
    "GOAMD64",
    "GOARM64",
    "GOROOT",
    "GOEXPERIMENT",
    "GODEBUG",
    "GOBIN",
    "GO111MODULE",
    "GOFIPS140",
)


def go_environment(user: Mapping[str, str], home: str) -> dict[str, str]:
    """The environment for every call of Go, from the user's. `home` stands in for a HOME that is not set.

    GOFLAGS is never left empty: for an empty variable Go reads the file that `go env -w` writes.
    """
    environment = {name: value for name, value in user.items() if name not in REMOVED}
    kept = [flag for flag in user.get("GOFLAGS", "").split() if flag.startswith(KEPT_GO_FLAGS)]
    environment.setdefault("HOME", home)
    environment.update(
        GOFLAGS=" ".join(["-mod=readonly", *kept]),
        GOWORK="off",
        GOTOOLCHAIN="local",  # another toolchain than the one that was found is never downloaded in silence
        CGO_ENABLED="0",
    )
    return environment
