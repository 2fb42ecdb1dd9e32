"""What a caller must be allowed to do with the Node for each route: pure.

As a kubelet asks, with one difference. A kubelet derives the verb of `/exec` and its kin from the HTTP method, and
a WebSocket is always opened by GET: so `get nodes/proxy`, which monitoring has, would give a root shell in every pod.
Here they need `create nodes/proxy` whatever the method.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_COMMANDS = ("exec", "attach", "portForward", "run", "cri")
_SUBRESOURCES = {
    "stats": "stats",
    "metrics": "metrics",
    "logs": "log",
    "checkpoint": "checkpoint",
    "statusz": "statusz",
}
"""First part of the path → the subresource that alone opens it."""
_FINER = {"pods": "pods", "runningpods": "pods", "healthz": "healthz", "configz": "configz"}
"""First part of the path → the subresource that opens it beside `proxy` (KubeletFineGrainedAuthz)."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A verb on a subresource of the Node."""

    verb: str
    subresource: str


def permissions(method: str, path: str) -> tuple[Permission, ...]:
    """Return the permissions of which one is enough; none for a method that nobody may use."""
    verb = _VERBS.get(method.upper())
    if verb is None:
        return ()
    first = path.strip("/").partition("/")[0]
    if first in _COMMANDS:
        return (Permission("create", "proxy"),)
    if first in _SUBRESOURCES:
        return (Permission(verb, _SUBRESOURCES[first]),)
    if first in _FINER:
        return (Permission(verb, _FINER[first]), Permission(verb, "proxy"))
    return (Permission(verb, "proxy"),)
