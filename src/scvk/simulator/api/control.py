"""The control API under `/_simulator/`: for tests and demonstrations, not part of SaladCloud.

It needs no key and does not count as a request; it is as reachable as the simulator's address is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scvk.simulator.api.faults import Fault, Faults
from scvk.simulator.api.gate import Answer
from scvk.simulator.api.requests import RequestLog
from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.platform import Platform
from scvk.simulator.problems import InvalidRequest, NotFound, Problem, TooLarge

_LARGEST_BODY = 65536


class Interruption(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which instances are to lose their machines, and why.

    `group` is a shell pattern on group names, `share` (0-1) how many of those that match are hit, by chance.
    """

    reason: str = "node-offline"
    group: str = "*"
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be 0 to 1")


class ControlApi:
    """Its routes."""

    def __init__(
        self,
        platform: Platform,
        faults: Faults,
        log: RequestLog,
        facts: Callable[[], dict[str, Any]],
        operations: frozenset[str],
    ) -> None:
        self._platform = platform
        self._faults = faults
        self._log = log
        self._facts = facts
        self._operations = operations

    def routes(self) -> list[Route]:
        """Below `/_simulator`."""
        return [
            Route("/requests", self._requests, methods=["GET", "DELETE"]),
            Route("/faults", self._fault_set, methods=["GET", "POST", "DELETE"]),
            Route("/faults/{fault_id:int}", self._one_fault, methods=["DELETE"]),
            Route("/state", self._state, methods=["GET"]),
            Route("/instances/{instance_id}/interrupt", self._interrupt, methods=["POST"]),
            Route("/interrupt", self._interrupt_some, methods=["POST"]),
        ]

    async def _requests(self, request: Request) -> Response:
        """`?since=N` gives those after number N; DELETE, or `?clear=true` after reading, forgets all."""
        if request.method == "DELETE":
            self._log.clear()
            return Answer(204).response()
        since = request.query_params.get("since", "0")
        if not since.isascii() or not since.isdigit() or len(since) > 15:
            return _refusal(InvalidRequest.at("since", "must be a number of a request"))
        answer = Answer(body={"items": [logged.render() for logged in self._log.since(int(since))]}).response()
        if request.query_params.get("clear") == "true":
            self._log.clear()
        return answer

    async def _fault_set(self, request: Request) -> Response:
        if request.method == "GET":
            return Answer(body={"items": self._faults.active()}).response()
        if request.method == "DELETE":
            self._faults.clear()
            return Answer(204).response()
        try:
            fault = msgspec.json.decode(await _read(request), type=Fault)
            unknown = [name for name in fault.operations if name not in self._operations]
            if unknown:
                raise InvalidRequest.at("operations", f"no such operation: {', '.join(unknown)[:200]}")
        except (msgspec.MsgspecError, UnicodeError) as error:
            return _refusal(InvalidRequest(str(error)))
        except Problem as problem:
            return _refusal(problem)
        return Answer(201, self._faults.add(fault)).response()

    async def _one_fault(self, request: Request) -> Response:
        self._faults.clear(int(request.path_params["fault_id"]))
        return Answer(204).response()

    async def _state(self, _request: Request) -> Response:
        organizations = {
            organization.name: {
                project.name: {"groups": [_describe(group) for group in project.groups.values()]}
                for project in organization.projects.values()
            }
            for organization in self._platform.organizations.values()
        }
        return Answer(body={**self._facts(), "organizations": organizations}).response()

    async def _interrupt(self, request: Request) -> Response:
        """`{"reason": "node-offline"}`; other reasons: priority, disk, liveness, startup, reallocated."""
        try:
            body = msgspec.json.decode(await _read(request) or b"{}", type=dict[str, str])
            event = self._platform.interrupt(
                str(request.path_params["instance_id"]), body.get("reason", "node-offline")
            )
        except (msgspec.MsgspecError, UnicodeError) as error:
            return _refusal(InvalidRequest(str(error)))
        except (NotFound, InvalidRequest, TooLarge) as problem:
            return _refusal(problem)
        return Answer(202, {"event": str(event)}).response()

    async def _interrupt_some(self, request: Request) -> Response:
        """An `Interruption`; the answer lists the ids of the instances that it hit."""
        try:
            wanted = msgspec.json.decode(await _read(request) or b"{}", type=Interruption)
            hit = self._platform.interrupt_some(wanted.reason, wanted.group, wanted.share)
        except (msgspec.MsgspecError, UnicodeError) as error:
            return _refusal(InvalidRequest(str(error)))
        except Problem as problem:
            return _refusal(problem)
        return Answer(202, {"instances": hit}).response()


def _describe(group: Group) -> dict[str, Any]:
    """More than the platform tells."""
    return {
        "name": group.name,
        "status": str(group.status),
        "version": group.version,
        "deleting": group.deleting,
        "instances": {instance.id: str(instance.state) for instance in group.instances.values()},
    }


async def _read(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise TooLarge(f"The body is larger than {_LARGEST_BODY} bytes.")
    return body


def _refusal(problem: Problem) -> Response:
    return Answer(problem.status, problem.render(), problem.headers).response()
