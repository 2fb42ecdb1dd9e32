"""`scvk simulate fault …`: makes a running simulator misbehave, on demand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from scvk.simulator.api.faults import FaultKind
from scvk.simulator.remote import RemoteError, RemoteSimulator

DEFAULT_URL = "http://127.0.0.1:8787"
Url = Annotated[str, Parameter(help="The simulator: its root or its API's base URL.")]

fault_app = App(
    name="fault",
    help="Make a running simulator misbehave: `fault set KIND`, `fault list`, `fault clear`, `fault interrupt`.",
)


def _attempt(url: str, work: Callable[[RemoteSimulator], None]) -> int:
    """The exit code: 0, or 1 after one line that says what is wrong."""
    try:
        with RemoteSimulator(url) as simulator:
            work(simulator)
    except RemoteError as error:
        print(f"scvk: {error}", file=sys.stderr)
        return 1
    return 0


# What has its default says nothing: these are the defaults of a fault that nobody described.
_UNSAID: dict[str, Any] = {
    "operations": [],
    "probability": 1.0,
    "when": "before",
    "limit": 100,
    "event": "*",
    "group": "*",
    "image": "*",
    "gpu_class": "",
}
_HEAD = frozenset({"id", "kind", "hits"})


def _describe(fault: dict[str, Any]) -> str:
    words = [str(fault["id"]), fault["kind"], f"hits={fault['hits']}"]
    for name, value in fault.items():
        unsaid = name in _HEAD or value == _UNSAID.get(name) or (name == "message" and fault["kind"] != "pull-failure")
        if not unsaid:
            words.append(f"{name}={','.join(value) if isinstance(value, list) else value}")
    return " ".join(words)


@fault_app.command(name="set")
def set_fault(
    kind: FaultKind,
    /,
    *,
    operation: Annotated[
        tuple[str, ...],
        Parameter(negative=(), help="Operation id of the OpenAPI document that is hit; repeatable. Default: all."),
    ] = (),
    count: Annotated[int | None, Parameter(help="How often it hits. Default: until it is cleared.")] = None,
    probability: Annotated[float, Parameter(help="Chance (0-1) that it hits.")] = 1.0,
    when: Annotated[
        Literal["before", "after"],
        Parameter(help="Before the request takes effect, or after: then only the answer is lost or late."),
    ] = "before",
    status: Annotated[int | None, Parameter(help="For status and html: 400 to 599.")] = None,
    retry_after: Annotated[int | None, Parameter(help="For status: seconds in the header Retry-After.")] = None,
    seconds: Annotated[
        float | None,
        Parameter(help="For latency and hang, real; for stale, how old at most; for events-*, simulated."),
    ] = None,
    limit: Annotated[int, Parameter(help="For cut: how many groups a listing shows.")] = 100,
    event: Annotated[str, Parameter(help="For events-*: pattern of event names.")] = "*",
    group: Annotated[str, Parameter(help="For events-*, pull-failure and no-capacity: pattern of group names.")] = "*",
    image: Annotated[str, Parameter(help="For pull-failure: pattern of image names.")] = "*",
    message: Annotated[str | None, Parameter(help="For pull-failure: the description of the group.")] = None,
    gpu_class: Annotated[str, Parameter(help="For no-capacity: id or name of the class. Default: every machine.")] = "",
    url: Url = DEFAULT_URL,
) -> int:
    """Set a fault; it is printed with its id.

    Kinds that replace answers: status, html, hang, drop, garbage. Kinds that spoil them: latency, unknown-fields,
    unknown-enums, stale, cut, no-environment. Kinds that hit the platform: events-late, events-disordered,
    events-lost, pull-failure, no-capacity.

    Examples
    --------
    The next two creations happen, but their answers are lost:

        scvk simulate fault set drop --when after --operation create_container_group --count 2

    """
    members: dict[str, Any] = {
        "operations": list(operation),
        "count": count,
        "probability": probability,
        "when": when,
        "status": status,
        "retry_after": retry_after,
        "seconds": seconds,
        "limit": limit,
        "event": event,
        "group": group,
        "image": image,
        "gpu_class": gpu_class,
    }
    if message is not None:
        members["message"] = message
    return _attempt(url, lambda simulator: print(_describe(simulator.set_fault(str(kind), **members))))


@fault_app.command(name="list")
def list_faults(*, url: Url = DEFAULT_URL) -> int:
    """Print the faults that still can hit, one a line: id, kind, hits, members."""

    def work(simulator: RemoteSimulator) -> None:
        for fault in simulator.faults():
            print(_describe(fault))

    return _attempt(url, work)


@fault_app.command
def clear(fault_id: int | None = None, /, *, url: Url = DEFAULT_URL) -> int:
    """Take back one fault by its id, or all."""
    return _attempt(url, lambda simulator: simulator.clear_faults(fault_id))


@fault_app.command
def interrupt(
    *,
    reason: Annotated[
        Literal["node-offline", "priority", "disk", "liveness", "startup", "reallocated"],
        Parameter(help="Which event tells of it."),
    ] = "node-offline",
    group: Annotated[str, Parameter(help="Pattern of names of the groups whose instances are hit.")] = "*",
    share: Annotated[float, Parameter(help="Chance (0-1) of each instance to be hit.")] = 1.0,
    instance: Annotated[str | None, Parameter(help="Only this instance, by its id.")] = None,
    url: Url = DEFAULT_URL,
) -> int:
    """Let instances lose their machines at once; the ids of those that did are printed."""

    def work(simulator: RemoteSimulator) -> None:
        if instance is not None:
            simulator.interrupt_instance(instance, reason)
            print(instance)
            return
        for instance_id in simulator.interrupt(reason, group, share):
            print(instance_id)

    return _attempt(url, work)
