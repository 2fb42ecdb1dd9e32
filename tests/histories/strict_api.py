"""An API server in memory that is as strict with pods as the real one: what a client may not do, it does not get.

On top of `InMemoryApi` (versions, preconditions, patches, watches, refusals) it knows generations, grace periods, the
end of a watch, versions that are too old, and which way back in a status there is none. The suite of
`tests/api_behaviours.py` holds it and a real API server to the same behaviour. Beside what it refuses it remembers as
broken rules what a real server lets pass, and a kubelet must not do all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import httpx2

from tests.histories.pod_rules import forbidden_transition, removed_at_once, suspicious_transition
from tests.histories.traffic import Traffic
from tests.unit.kubelet.in_memory_api import InMemoryApi, Seen, Watch, json_answer, status_answer
from tests.unit.kubelet.strategic_merge import json_merge

REQUESTS_AT_ONCE = 1000
"""Far more than an agent with a handful of pods has to say at one instant."""


class StrictApi(InMemoryApi):
    """One cluster. `broken_rules` has what no kubelet may do, of what was done."""

    def __init__(self, now: Callable[[], datetime], traffic: Traffic | None = None) -> None:
        super().__init__()
        self._now = now
        self._traffic = traffic
        self._oldest_version = self._version
        self._at_once = (now(), 0)
        self.broken_rules: list[str] = []
        self.pod_removed: Callable[[str], None] = lambda _uid: None
        """Called with the UID of each pod that the kubelet removes, when it does."""

    # -- what users do -------------------------------------------------------------------------------------------

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Write an object, with what the server itself keeps in its metadata."""
        old = self.objects.get(path)
        metadata = dict(body.get("metadata", {}))
        if old is None:
            metadata["creationTimestamp"] = _stamp(self._now())
        else:
            kept = ("uid", "creationTimestamp", "generation")
            metadata |= {name: old["metadata"][name] for name in kept if name in old["metadata"]}
        if path.startswith("pods/"):
            changed = old is not None and old.get("spec") != body.get("spec")
            metadata["generation"] = metadata.get("generation", 0 if old is None else 1) + (old is None or changed)
        return super().put(path, {**body, "metadata": metadata})

    def delete_pod(self, path: str, *, grace_s: int = 30) -> None:
        """Delete a pod as a user; with a grace period of 0 by force."""
        if path in self.objects:
            self._delete_pod(path, grace_s)

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pods by path."""
        return {path: body for path, body in self.objects.items() if path.startswith("pods/")}

    # -- the server ----------------------------------------------------------------------------------------------

    async def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self._end_a_spin(request)
        if self._traffic is None:
            return await super()._handle(request)
        what = f"{request.method} {request.url.raw_path.decode()}"
        self._traffic.note(what, request.content)
        try:
            answer = await super()._handle(request)
        except httpx2.HTTPError as error:
            self._traffic.note(f"{what}: {error}")
            raise
        self._traffic.note(f"{what}: {answer.status_code}", answer.content if answer.is_stream_consumed else b"")
        return answer

    def _end_a_spin(self, request: httpx2.Request) -> None:
        """Break a rule, and off, where the same is done over and over without waiting: time would never go on."""
        moment, count = self._at_once
        self._at_once = (self._now(), count + 1 if moment == self._now() else 1)
        if self._at_once[1] > REQUESTS_AT_ONCE:
            self.broken_rules.append(f"{REQUESTS_AT_ONCE} requests at one instant, the last one for {request.url.path}")
            raise httpx2.ConnectError("the API server is worn out", request=request)

    def _answer(self, seen: Seen, path: str, subresource: str) -> httpx2.Response:
        present = self.objects.get(path)
        is_pod = path.startswith("pods/")
        match seen.method:
            case "POST" if is_pod and seen.body.get("status"):
                seen.body.pop("status")  # a client cannot create a pod that has run
            case "PUT" if not seen.body["metadata"].get("resourceVersion"):
                return status_answer(422, "metadata.resourceVersion: must be specified for an update", "Invalid")
            case "PATCH" if present is not None and _other_uid(seen.body, present):
                return _immutable_uid()
            case "DELETE" if is_pod and present is not None:
                return self._answer_delete(seen, path, present)
            case "PATCH" if is_pod and subresource == "status" and present is not None:
                return self._answer_status(seen, path, present)
            case _:
                pass
        answer = super()._answer(seen, path, subresource)
        if seen.method == "POST" and is_pod and answer.status_code == 201:
            created = self.objects[f"{path}/{seen.body['metadata']['name']}"]
            created.setdefault("status", {"phase": "Pending"})
            return json_answer(201, created)
        return answer

    def _answer_delete(self, seen: Seen, path: str, present: dict[str, Any]) -> httpx2.Response:
        body = seen.body or {}
        if body.get("dryRun"):
            return json_answer(200, present)
        uid = (body.get("preconditions") or {}).get("uid")
        if uid is None:
            self.broken_rules.append(f"{path}: deleted without its UID as a precondition")
        if uid not in (None, present["metadata"]["uid"]):
            return status_answer(409, "precondition failed: uid", "Conflict")
        grace_s = body.get("gracePeriodSeconds", present.get("spec", {}).get("terminationGracePeriodSeconds", 30))
        if grace_s == 0:
            if "deletionTimestamp" not in present["metadata"]:
                self.broken_rules.append(f"{path}: removed by the kubelet though nobody deleted it")
            self.pod_removed(present["metadata"]["uid"])
        return json_answer(200, self._delete_pod(path, grace_s))

    def _delete_pod(self, path: str, grace_s: int) -> dict[str, Any]:
        pod = self.objects[path]
        pending = pod["metadata"].get("deletionGracePeriodSeconds")
        if grace_s == 0 or removed_at_once(pod):
            if pending != 0:
                self._mark_deleted(path, pod, 0)  # watches are told of both
            self.remove(path)
            return pod
        if pending is not None and pending <= grace_s:
            return pod  # a second delete can only shorten the wait
        return self._mark_deleted(path, pod, grace_s)

    def _mark_deleted(self, path: str, pod: dict[str, Any], grace_s: int) -> dict[str, Any]:
        mark = {"deletionTimestamp": _stamp(self._now()), "deletionGracePeriodSeconds": grace_s}
        generation = pod["metadata"].get("generation", 1) + ("deletionTimestamp" not in pod["metadata"])
        marked = json_merge(pod, {"metadata": {**mark, "generation": generation}})
        return self._store("MODIFIED", path, marked)

    def _answer_status(self, seen: Seen, path: str, before: dict[str, Any]) -> httpx2.Response:
        versions, history = self._version, len(self._history)
        answer = super()._answer(seen, path, "status")
        after = self.objects[path]
        forbidden = forbidden_transition(before, after)
        if forbidden is not None:
            self.objects[path] = before
            self._version = versions
            del self._history[history:]
            self.broken_rules.append(f"{path}: {forbidden}")
            return status_answer(422, forbidden, "Invalid")
        suspicious = suspicious_transition(before, after)
        if suspicious is not None:
            self.broken_rules.append(f"{path}: {suspicious}")
        return answer

    def _watch(self, folder: str, params: httpx2.QueryParams) -> httpx2.Response:
        super()._watch(folder, params)
        return httpx2.Response(200, content=self._until_closed(self.watches[-1]))

    async def _until_closed(self, watch: Watch) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        seconds = float(watch.params.get("timeoutSeconds", "1800"))
        timer = loop.call_later(seconds, self._end_watch, watch)
        try:
            async for piece in watch.stream():
                if self._traffic is not None:
                    self._traffic.note("watch", piece)
                yield piece
        finally:
            timer.cancel()
            self.watches = [other for other in self.watches if other is not watch]

    def _end_watch(self, watch: Watch) -> None:
        if watch.params.get("allowWatchBookmarks") == "true":
            watch.send("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(self._version)}})
        watch.end()


def _other_uid(body: dict[str, Any], present: dict[str, Any]) -> bool:
    return bool((body.get("metadata") or {}).get("uid", present["metadata"]["uid"]) != present["metadata"]["uid"])


def _immutable_uid() -> httpx2.Response:
    cause = {"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable"}
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422}
    return json_answer(422, {**body, "message": "metadata.uid: field is immutable", "details": {"causes": [cause]}})


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
