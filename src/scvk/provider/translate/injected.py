"""Containers that meshes and agents inject into pods, and their init containers: `--ignore-containers`.

A mesh's proxy can do nothing away from its cluster, and a program finds the network as it is without one. So the
proxies of well-known meshes are left out where the operator says nothing else. What a program may well need to work
at all (Dapr's `daprd`, an agent that fetches its secrets), and names that people give containers of their own
(`envoy`), are left out only by the operator's word.

Names: Istio's injection template, Linkerd's "proxy-injector" and "Network validator", Kuma's and Kong Mesh's injector,
Consul on Kubernetes' "connect-inject", Open Service Mesh, AWS App Mesh's controller; seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class _Mesh:
    """The containers of a mesh, and the init containers that only prepare for them."""

    containers: tuple[str, ...]
    init: tuple[str, ...]
    well_known: bool = True


_MESHES = (
    _Mesh(("istio-proxy",), ("istio-init", "istio-validation", "enable-core-dump")),
    _Mesh(("linkerd-proxy", "linkerd-debug"), ("linkerd-init", "linkerd-network-validator")),
    _Mesh(("kuma-sidecar",), ("kuma-init", "kuma-validation")),
    _Mesh(
        ("consul-dataplane", "consul-connect-lifecycle-sidecar", "consul-connect-envoy-sidecar"),
        ("consul-connect-inject-init", "copy-consul-bin"),
    ),
    _Mesh(("envoy-sidecar",), ("consul-connect-inject-init", "copy-consul-bin"), well_known=False),
    _Mesh(("envoy",), ("osm-init", "proxyinit"), well_known=False),
)

WELL_KNOWN = tuple(name for mesh in _MESHES if mesh.well_known for name in mesh.containers)
"""What is left out where the operator says nothing."""


def is_ignored(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a container of that name is left out. `patterns` are names, with `*` as a wildcard."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_ignored_init(name: str, patterns: Sequence[str]) -> bool:
    """Say whether an init container is: by its own name, or since it comes with a container that is.

    That is told by its name: `vault-agent-init` comes with `vault-agent`, and meshes have names of their own.
    """
    return any(is_ignored(each, patterns) for each in (name, name.removesuffix("-init"))) or any(
        name in mesh.init and any(is_ignored(each, patterns) for each in mesh.containers) for mesh in _MESHES
    )
