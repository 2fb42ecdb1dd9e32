"""A tiny SaladCloud for one project: it keeps groups by name, and does what a script says goes wrong.

Weakest promises by default: a deleted group stays listed for a while, a name can never be used again, and what a
request did may never be answered. Times are the loop's.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
import msgspec

from tests.unit.kubelet.strategic_merge import json_merge
from tests.unit.provider.evidence import START

PROJECT = "/organizations/acme/projects/default/containers"
HTML = "<html><head><title>502 Bad Gateway</title></head></html>"


def wall_clock() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def problem(status: int, type_: str, detail: str = "") -> httpx2.Response:
    return httpx2.Response(status, json={"type": type_, "title": type_, "status": status, "detail": detail})


FAULTS: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {
    "500": lambda _: httpx2.Response(500, json={"title": "oops"}),
    "429": lambda _: httpx2.Response(429, headers={"Retry-After": "7"}),
    "html": lambda _: httpx2.Response(502, html=HTML),
    "html 200": lambda _: httpx2.Response(200, html=HTML),
    "html 404": lambda _: httpx2.Response(404, html=HTML),
    "quota": lambda _: problem(403, "quota_exceeded", "the quota of replicas is used up"),
    "invalid": lambda _: problem(400, "validation_error", "the image is not allowed"),
    "payment": lambda _: problem(402, "payment_required", "no credit"),
    "404": lambda _: problem(404, "not_found", "there is no such project"),
    "unauthorized": lambda _: httpx2.Response(401),
}
"""Answers that come instead of the effect. `refused` and `timeout` give none; `lost …` has the effect first."""


@dataclass
class ScriptedSaladCloud:
    """`faults` and `meanwhile` are by kind of request.

    Kinds: list, create, get, patch, start, delete, instances, patch-instance, events, system-logs, gpus, quotas.
    """

    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    used_names: set[str] = field(default_factory=set)
    deleting: dict[str, int] = field(default_factory=dict)
    """Name of a deleted group → listings and reads that still show it."""
    deleted_stays_for: int = 1
    list_max: int | None = None
    """A listing shows so many groups, the oldest first."""
    shows_environment: bool = True
    get_shows_environment: bool = True
    clock_behind_s: float = 0.0
    """The platform's clock, against the agent's; it refuses queries for events up to its own future."""
    hidden: set[str] = field(default_factory=set)
    """Names of groups whose environment is never shown."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)
    """Time, group and text of what programs wrote."""
    instances: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    meanwhile: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """Done once while an answer of that kind, settled already, is on its way."""
    takes_s: dict[str, float] = field(default_factory=dict)
    """How long an answer of a kind is on its way."""
    requests: list[tuple[float, str, str]] = field(default_factory=list)
    """Time, kind, name of the group."""
    quota: int = 10
    used_elsewhere: int | None = 0
    """Replicas of other projects; None: what is used is not shown."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Of the create requests."""
    patches: list[dict[str, Any]] = field(default_factory=list)
    """Of the patches that arrived, whatever became of them."""

    def count(self, kind: str) -> int:
        return sum(each[1] == kind for each in self.requests)

    def touched(self) -> set[str]:
        """Return the names of the groups that anybody tried to change."""
        return {name for _, kind, name in self.requests if kind in ("create", "delete", "patch", "start")}

    def fail(self, kind: str, *faults: str) -> None:
        self.faults[kind].extend(faults)

    def add(
        self, name: str, environment: dict[str, str] | None = None, status: str = "running", running: int = 1
    ) -> dict[str, Any]:
        group = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            "name": name,
            "container": {"image": "nginx", "environment_variables": environment or {}},
            "version": 1,
        }
        self.groups[name] = group
        self.used_names.add(name)
        self.set_state(name, status, running)
        return group

    def set_state(self, name: str, status: str, running: int = 0, description: str | None = None) -> None:
        self.groups[name]["current_state"] = {
            "status": status,
            "description": description,
            "instance_status_counts": {
                "allocating_count": 1 - running,
                "creating_count": 0,
                "running_count": running,
                "stopping_count": 0,
            },
        }

    def remove(self, name: str) -> None:
        """Let a group go at once, as if somebody had deleted it some time ago."""
        self.groups.pop(name, None)
        self.deleting.pop(name, None)

    def say(self, group: str, text: str, *, seconds: float | None = None) -> None:
        """Write an event."""
        when = wall_clock() if seconds is None else START + timedelta(seconds=seconds)
        labels = {"project_name": "default", "container_group_name": group, "instance_id": "i1", "machine_id": "m1"}
        self.entries.append(
            {
                "time": when.isoformat(),
                "resource": {"type": "instance_controller", "labels": labels},
                "text_log": text,
            }
        )

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        kind, name = self._kind(request)
        self.requests.append((asyncio.get_running_loop().time(), kind, name))
        if kind == "create":
            self.bodies.append(msgspec.json.decode(request.content))
        if kind == "patch":
            self.patches.append(msgspec.json.decode(request.content))
        fault = self.faults[kind].popleft() if self.faults[kind] else ""
        if fault == "refused":
            raise httpx2.ConnectError("refused", request=request)
        if fault == "timeout":
            raise httpx2.ReadTimeout("no answer", request=request)
        if fault in FAULTS:
            return FAULTS[fault](request)
        answer = getattr(self, f"_{kind.replace('-', '_')}")(name, request)
        assert isinstance(answer, httpx2.Response)
        if kind in self.takes_s:
            await asyncio.sleep(self.takes_s[kind])
        if (interlude := self.meanwhile.pop(kind, None)) is not None:
            await interlude()
        if fault == "lost timeout":
            raise httpx2.ReadTimeout("no answer", request=request)
        if fault.startswith("lost "):
            return FAULTS[fault.removeprefix("lost ")](request)
        assert not fault, f"unknown fault {fault}"
        return answer

    def _kind(self, request: httpx2.Request) -> tuple[str, str]:
        path = request.url.path.removeprefix("/api/public")
        if path.endswith("/log-entries"):
            about = msgspec.json.decode(request.content)["query"]
            return ("logs" if 'resource.type = "container"' in about else "events"), ""
        if path.endswith("/gpu-classes"):
            return "gpus", ""
        if path.endswith("/quotas"):
            return "quotas", ""
        name, _, rest = path.removeprefix(PROJECT).removeprefix("/").partition("/")
        if rest.startswith("instances/"):
            return "patch-instance", name
        if rest:
            return rest, name
        if not name:
            return ("list", "") if request.method == "GET" else ("create", msgspec.json.decode(request.content)["name"])
        return request.method.lower(), name

    def _shown(self, group: dict[str, Any], *, environment: bool) -> dict[str, Any]:
        container = dict(group["container"])
        if not environment or group["name"] in self.hidden:
            del container["environment_variables"]
        return {**group, "container": container}

    def _pass_time(self, name: str) -> None:
        if name in self.deleting:
            self.deleting[name] -= 1
            if self.deleting[name] < 0:
                self.remove(name)

    def _list(self, _: str, __: httpx2.Request) -> httpx2.Response:
        for name in tuple(self.deleting):
            self._pass_time(name)
        listed = list(self.groups.values())[: self.list_max]
        items = [self._shown(group, environment=self.shows_environment) for group in listed]
        return httpx2.Response(200, content=msgspec.json.encode({"items": items}))

    def _create(self, name: str, request: httpx2.Request) -> httpx2.Response:
        if name in self.used_names:
            return problem(400, "name_conflict")
        body = msgspec.json.decode(request.content)
        group = self.add(name, body["container"].get("environment_variables"), "pending", 0)
        group |= {key: value for key, value in body.items() if key == "country_codes"}
        group["container"] = {key: value for key, value in body["container"].items() if key != "priority"}
        return httpx2.Response(201, json=self._shown(group, environment=self.get_shows_environment))

    def _get(self, name: str, _: httpx2.Request) -> httpx2.Response:
        self._pass_time(name)
        if name not in self.groups:
            return problem(404, "not_found")
        return httpx2.Response(200, json=self._shown(self.groups[name], environment=self.get_shows_environment))

    def _patch(self, name: str, request: httpx2.Request) -> httpx2.Response:
        """Merge; also what changes nothing makes a new version."""
        if name not in self.groups:
            return problem(404, "not_found")
        group = json_merge(self.groups[name], msgspec.json.decode(request.content))
        group["version"] = self.groups[name]["version"] + 1
        group["pending_change"] = group["current_state"]["status"] in ("deploying", "running")
        self.groups[name] = group
        return httpx2.Response(200, json=self._shown(group, environment=self.get_shows_environment))

    def _start(self, name: str, _: httpx2.Request) -> httpx2.Response:
        if name not in self.groups:
            return problem(404, "not_found")
        self.set_state(name, "pending")
        return httpx2.Response(202)

    def _delete(self, name: str, _: httpx2.Request) -> httpx2.Response:
        if name not in self.groups:
            return problem(404, "not_found")
        self.deleting.setdefault(name, self.deleted_stays_for)
        return httpx2.Response(202)

    def _instances(self, name: str, _: httpx2.Request) -> httpx2.Response:
        if name not in self.groups:
            return problem(404, "not_found")
        return httpx2.Response(200, json={"instances": self.instances.get(name, [])})

    def _patch_instance(self, name: str, request: httpx2.Request) -> httpx2.Response:
        for number, instance in enumerate(self.instances.get(name, [])):
            if request.url.path.endswith(f"/{instance['id']}"):
                self.instances[name][number] = {**instance, **msgspec.json.decode(request.content)}
                return httpx2.Response(200, json=self.instances[name][number])
        return problem(404, "not_found")

    def _system_logs(self, name: str, _: httpx2.Request) -> httpx2.Response:
        if name not in self.groups:
            return problem(404, "not_found")
        found = [
            {
                "event_name": entry["text_log"],
                "event_time": entry["time"],
                "resource_cpu": None,
                "resource_memory": None,
                **{label: entry["resource"]["labels"][label] for label in ("instance_id", "machine_id")},
            }
            for entry in self.entries
            if entry["resource"]["labels"]["container_group_name"] == name
        ]
        return httpx2.Response(200, json={"items": found[::-1][:50]})

    def _events(self, _: str, request: httpx2.Request) -> httpx2.Response:
        query = msgspec.json.decode(request.content)
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_time", "end_time"))
        if end > wall_clock() - timedelta(seconds=self.clock_behind_s):
            return problem(400, "invalid_request")
        assert query["sort_order"] == "asc"
        found = [(datetime.fromisoformat(entry["time"]), entry) for entry in self.entries]
        page = sorted((each for each in found if start <= each[0] <= end), key=lambda each: each[0])
        return httpx2.Response(200, json={"items": [entry for _, entry in page[: query["page_size"]]]})

    def _logs(self, _: str, request: httpx2.Request) -> httpx2.Response:
        query = msgspec.json.decode(request.content)
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_time", "end_time"))
        assert end <= wall_clock(), "end_time may not be in the future"
        found = [
            {
                "time": time.isoformat(),
                "receive_time": time.isoformat(),
                "severity": "default",
                "resource": {"type": "container", "labels": {"container_group_name": group}},
            }
            | ({"json_log": msgspec.json.decode(text)} if text.startswith("{") else {"text_log": text})
            for time, group, text in self.lines
            if start <= time <= end and f'"{group}"' in query["query"]
        ]
        found.sort(key=lambda line: str(line["time"]))
        newest_first = query["sort_order"] == "desc"
        return httpx2.Response(200, json={"items": (found[::-1] if newest_first else found)[: query["page_size"]]})

    def _gpus(self, _: str, __: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"items": []})

    def _quotas(self, _: str, __: httpx2.Request) -> httpx2.Response:
        used = (
            {} if self.used_elsewhere is None else {"container_replicas_used": self.used_elsewhere + len(self.groups)}
        )
        return httpx2.Response(200, json={"container_groups_quotas": {"container_replicas_quota": self.quota, **used}})
