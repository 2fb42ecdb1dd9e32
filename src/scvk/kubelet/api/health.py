"""Whether a kubelet is well: its last signs of life, and in words what ails it. Pure, but for the routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from scvk.kubelet.lease import NODE_LEASE_DURATION_S

WATCH_MAY_FAIL_S = 60.0
"""An API server that starts anew is back by then; pods that change meanwhile are found by the next list."""


@dataclass(frozen=True, slots=True)
class SignsOfLife:
    """Seconds are ages; None where there was no such thing yet.

    `watch_fails_s`: how long watching pods has failed, None while it works. `provider`: what ails the way to the
    cloud, in words.
    """

    pods_listed: bool
    watch_fails_s: float | None
    agent_lease_held: bool
    node_lease_renewed_s: float | None
    provider: str | None


def ailments(signs: SignsOfLife) -> tuple[str, ...]:
    """Return all that is not as it should be."""
    found = []
    if not signs.pods_listed:
        found.append("the pods of the node have not been listed yet")
    elif signs.watch_fails_s is not None and signs.watch_fails_s > WATCH_MAY_FAIL_S:
        found.append(f"the pods of the node cannot be watched for {signs.watch_fails_s:.0f} s")
    if not signs.agent_lease_held:
        found.append("the agent's lease is not held: nothing is changed until it is")
    if signs.node_lease_renewed_s is None:
        found.append("the node's lease has not been renewed yet")
    elif signs.node_lease_renewed_s > NODE_LEASE_DURATION_S:
        found.append(f"the node's lease was renewed {signs.node_lease_renewed_s:.0f} s ago: the node goes NotReady")
    if signs.provider is not None:
        found.append(signs.provider)
    return tuple(found)


def healthz(ailment: Callable[[], str | None]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint: ok, or with status 500 what ails, a line each."""

    async def answer(_: Request) -> Response:
        found = ailment()
        return PlainTextResponse("ok" if found is None else f"{found}\n", 200 if found is None else 500)

    return answer
