"""Programs beside the control plane that a cluster's users have: Helm, and metrics-server for `kubectl top` and HPAs.

Each is the module's own program, named by the `tool` line of its go.mod. To derive the sources of another version, in
an empty folder with a go.mod of one line `module scvk.testbed/NAME`:

    go get -tool PACKAGE@vVERSION
"""

from __future__ import annotations

from collections.abc import Mapping

from scvk.testbed.go_program import SOURCES, GoProgram


def _add_on(name: str, version: str, package: str, facts: Mapping[str, str]) -> GoProgram:
    folder = SOURCES / name
    return GoProgram(
        kind=name,
        title=f"{name} {version}",
        version=version,
        package=package,
        names=(name,),
        go_mod=(folder / "go.mod").read_bytes(),
        go_sum=(folder / "go.sum").read_bytes(),
        facts=tuple(facts.items()),
    )


def helm() -> GoProgram:
    """Helm: the package manager that installs the chart."""
    module, version = "helm.sh/helm/v3", "3.22.0"
    facts = {f"{module}/internal/version.version": f"v{version}"}
    # The Kubernetes that templates are rendered for where no cluster is asked: that of its client.
    for package in ("pkg/chartutil", "pkg/lint/rules"):
        facts |= {f"{module}/{package}.k8sVersionMajor": "1", f"{module}/{package}.k8sVersionMinor": "37"}
    return _add_on("helm", version, f"{module}/cmd/helm", facts)


def metrics_server() -> GoProgram:
    """metrics-server: asks kubelets for the use of pods and serves it as the API `metrics.k8s.io`."""
    module, version = "sigs.k8s.io/metrics-server", "0.9.0"
    facts = {f"{module}/pkg/version.gitVersion": f"v{version}"}
    return _add_on("metrics-server", version, f"{module}/cmd/metrics-server", facts)


ADD_ONS = (helm, metrics_server)
