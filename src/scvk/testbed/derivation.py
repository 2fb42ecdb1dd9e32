"""Derives the `go.mod` of the control plane program from the one of `k8s.io/kubernetes`, for developers.

The staging modules (`k8s.io/api`, `k8s.io/client-go`, …) lie inside the Kubernetes repository, and its
go.mod replaces them by folders. Seen from outside those folders do not exist; the same code is published as
`v0.X.Y` for Kubernetes `v1.X.Y`.

    python -m scvk.testbed.derivation 1.37.2     # rewrites program/v1.37.2/go.mod and go.sum
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scvk.testbed.go_program import SOURCES

MODULE = "scvk.testbed/control-plane"
"""The module path of the program. It is imported by nobody and has no home on the network."""

DIRECT = ("k8s.io/client-go", "k8s.io/component-base", "k8s.io/kubectl")
"""Staging modules that `main.go` imports itself."""


def derive_go_mod(kubernetes_go_mod: str, version: str) -> str:
    """The go.mod for `version` (`1.37.2`), without indirect requirements (`go mod tidy` adds them).

    `go` and `godebug` lines and the version of etcd's server are those that Kubernetes itself is built and
    tested with. Raises ValueError when `kubernetes_go_mod` lacks one of them.
    """

    def find(pattern: str) -> str:
        match = re.search(pattern, kubernetes_go_mod, re.MULTILINE)
        if match is None:
            raise ValueError(f"go.mod of Kubernetes {version} has nothing like {pattern!r}")
        return match[1]

    staging_version = "v0." + version.partition(".")[2]
    staging = re.findall(r"^\s*(?:replace\s+)?(\S+) => \./staging/", kubernetes_go_mod, re.MULTILINE)
    etcd = "go.etcd.io/etcd/server/v3"
    etcd_version = find(r"^\s*(?:require\s+)?go\.etcd\.io/etcd/server/v3 (\S+)")
    requires = [
        (etcd, etcd_version),
        *((name, staging_version) for name in DIRECT),
        ("k8s.io/kubernetes", f"v{version}"),
    ]
    return "\n".join(
        [
            f"module {MODULE}\n",
            "go " + find(r"^go (\S+)$") + "\n",
            "godebug " + find(r"^godebug (\S+)$") + "\n",
            "require (",
            *(f"\t{name} {number}" for name, number in requires),
            ")\n",
            "replace (",
            *(f"\t{name} => {name} {staging_version}" for name in staging),
            ")\n",
        ]
    )


def main(version: str) -> None:
    """Downloads Kubernetes' module, derives, tidies with the Go on PATH, and writes the package data."""
    found = subprocess.run(
        ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{version}"],
        stdout=subprocess.PIPE,
        check=True,
    )
    go_mod = Path(json.loads(found.stdout)["GoMod"]).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "main.go").write_bytes((SOURCES / "main.go").read_bytes())
        (work / "go.mod").write_text(derive_go_mod(go_mod, version), encoding="utf-8")
        subprocess.run(["go", "mod", "tidy"], cwd=work, check=True)
        target = SOURCES / f"v{version}"
        target.mkdir(exist_ok=True)
        for name in ("go.mod", "go.sum"):
            (target / name).write_bytes((work / name).read_bytes())


if __name__ == "__main__":
    main(sys.argv[1].removeprefix("v"))
