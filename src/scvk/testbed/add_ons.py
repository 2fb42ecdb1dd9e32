"""Programs beside the control plane that a cluster's users have: Helm, and metrics-server for `kubectl top` and HPAs.

Each is the module's own program, named by the `tool` line of its go.mod. To derive the sources of another version, in
an empty folder with a go.mod of one line `module scvk.testbed/NAME`:

    go get -tool PACKAGE@vVERSION
"""

from __future__ import annotations

from scvk.testbed.go_program import SOURCES, GoProgram


def _add_on(name: str, version: str, package: str, version_variable: str) -> GoProgram:
    folder = SOURCES / name
    return GoProgram(
        kind=name,
        title=f"{name} {version}",
        version=version,
        package=package,
        names=(name,),
        go_mod=(folder / "go.mod").read_bytes(),
        go_sum=(folder / "go.sum").read_bytes(),
        facts=((version_variable, f"v{version}"),),
    )


def helm() -> GoProgram:
    """Helm: the package manager that installs the chart."""
    return _add_on("helm", "3.22.0", "helm.sh/helm/v3/cmd/helm", "helm.sh/helm/v3/internal/version.version")


def metrics_server() -> GoProgram:
    """metrics-server: asks kubelets for the use of pods and serves it as the API `metrics.k8s.io`."""
    module = "sigs.k8s.io/metrics-server"
    return _add_on("metrics-server", "0.9.0", f"{module}/cmd/metrics-server", f"{module}/pkg/version.gitVersion")


ADD_ONS = (helm, metrics_server)
