"""Probes that a service mesh has rewritten to its sidecar, which is not run: they could never pass.

A mesh's webhook does that when it injects the sidecar, so the pod that arrives no longer says what its author wrote.
Nothing brings that back; the mesh must be kept out of the pod, and each has a mark for it.

Where they point to: Istio's "Health Checking of Istio Services" (port 15020, path `/app-health/…`), Open Service
Mesh's "Health probes" (15901 to 15903, `/osm-…-probe`), Kuma's package `probes` (9000, later 9001; the first segment
of the path is the real port), and Consul's "Overwrite Kubernetes HTTP health probes" (from 20300, 20400 and 20500).
A port that only a container declares which is not run counts too, whatever the mesh.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lightkube.models.core_v1 import Container, Probe

from scvk.provider.translate.finding import Report

REWRITTEN_PROBE = "MeshRewrittenProbe"

_KINDS = ("startupProbe", "livenessProbe", "readinessProbe")


@dataclass(frozen=True, slots=True)
class _Mesh:
    """`sidecars` matches names of its containers; a probe is rewritten where both `path` and `ports` fit."""

    sidecars: re.Pattern[str]
    path: re.Pattern[str]
    ports: range | None
    remedy: str


_ANY = re.compile(".*")
_MESHES = (
    _Mesh(
        _ANY,
        re.compile("/app-health/.+/(startupz|livez|readyz)"),
        None,
        'the label sidecar.istio.io/inject: "false"',
    ),
    _Mesh(
        re.compile("kuma-.*"),
        re.compile("/([0-9]+|tcp|grpc)(/.*)?"),
        range(9000, 9002),
        "the label kuma.io/sidecar-injection: disabled",
    ),
    _Mesh(
        re.compile("envoy|osm-.*"),
        _ANY,
        range(15901, 15905),
        "the annotation openservicemesh.io/sidecar-injection: disabled",
    ),
    _Mesh(
        re.compile("consul-.*|envoy-sidecar.*"),
        _ANY,
        range(20300, 20600),
        'the annotation consul.hashicorp.com/connect-inject: "false"',
    ),
)


def judge_rewritten_probes(container: Container, path: str, not_run: Sequence[Container], report: Report) -> None:
    """Refuse every probe of `container` that asks one of the containers that do not run."""
    if not not_run:
        return
    for kind in _KINDS:
        probe = getattr(container, kind)
        if probe is None:
            continue
        remedy = _remedy(probe, container, not_run)
        if remedy is not None:
            report.refuse(
                f"{path}.{kind}",
                REWRITTEN_PROBE,
                f"It asks a container that is not run ({', '.join(each.name for each in not_run)}) and could never"
                f" pass; keep it out of the pod: {remedy}",
            )


def _remedy(probe: Probe, container: Container, not_run: Iterable[Container]) -> str | None:
    asked = _port(probe, container)
    http_path = (probe.httpGet.path if probe.httpGet else None) or ""
    for other in not_run:
        for mesh in _MESHES:
            if (
                mesh.sidecars.fullmatch(other.name)
                and asked is not None
                and mesh.path.fullmatch(http_path)
                and (mesh.ports is None or asked in mesh.ports)
                and not _declares(container, asked)
            ):
                return mesh.remedy
        if asked is not None and _declares(other, asked) and not _declares(container, asked):
            return f"give {container.name} a probe of a port of its own, or have {other.name} not injected"
    return None


def _port(probe: Probe, container: Container) -> int | None:
    action = probe.httpGet or probe.tcpSocket or probe.grpc
    if action is None:
        return None
    if isinstance(action.port, int):
        return action.port
    return next((port.containerPort for port in container.ports or () if port.name == action.port), None)


def _declares(container: Container, number: int) -> bool:
    return any(port.containerPort == number for port in container.ports or ())
