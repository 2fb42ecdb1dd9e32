"""How an API server treats what a kubelet lives by: one suite, for the real one and for the one in memory.

What the harness believes of Kubernetes stands here, and the real server is asked whether it is so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.api_server.connection import MERGE, ApiServer

Behaviour = Callable[[ApiServer], Awaitable[None]]
_READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}
_OTHERS = {"type": "example.com/seen", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}


async def what_is_made_gets_uid_version_generation_and_time(api: ApiServer) -> None:
    _, made = await api.pod()
    assert made.code == 201
    assert made.version > 0
    assert made.metadata["uid"]
    assert made.metadata["creationTimestamp"].endswith("Z")
    assert made.metadata["generation"] == 1
    assert made.body["status"]["phase"] == "Pending"


async def a_second_object_of_a_name_is_refused(api: ApiServer) -> None:
    path, made = await api.pod()
    again = await api.ask("POST", api.pods, {**made.body, "metadata": {"name": path.rpartition("/")[2]}})
    assert (again.code, again.body["reason"]) == (409, "AlreadyExists")


async def versions_rise_with_every_change_and_stay_without_one(api: ApiServer) -> None:
    path, made = await api.pod()
    patch = {"metadata": {"labels": {"a": "1"}}}
    first = await api.ask("PATCH", path, patch, media_type=MERGE)
    second = await api.ask("PATCH", path, patch, media_type=MERGE)
    assert made.version < first.version == second.version


async def generations_rise_with_the_spec_alone(api: ApiServer) -> None:
    path, _ = await api.pod()
    labelled = await api.ask("PATCH", path, {"metadata": {"labels": {"a": "1"}}}, media_type=MERGE)
    told = await api.tell(path, {"phase": "Running"})
    containers = [{"name": "main", "image": "busybox:2"}]
    edited = await api.ask(
        "PATCH", path, {"spec": {"containers": containers}}, media_type="application/strategic-merge-patch+json"
    )
    assert [answer.metadata["generation"] for answer in (labelled, told, edited)] == [1, 1, 2]


async def an_update_of_an_older_version_is_a_conflict(api: ApiServer) -> None:
    path, made = await api.lease()
    renewed = {**made.body, "spec": {"holderIdentity": "one"}}
    assert (await api.ask("PUT", path, renewed)).code == 200
    late = await api.ask("PUT", path, {**made.body, "spec": {"holderIdentity": "two"}})
    assert (late.code, late.body["reason"]) == (409, "Conflict")


async def an_update_without_a_version_is_refused(api: ApiServer) -> None:
    path, made = await api.lease()
    metadata = {"name": made.metadata["name"], "namespace": api.namespace}
    assert (await api.ask("PUT", path, {**made.body, "metadata": metadata})).code == 422


async def what_is_meant_for_a_predecessor_of_the_same_name_is_refused(api: ApiServer) -> None:
    path, _ = await api.pod()
    other = "00000000-0000-4000-8000-000000000000"
    told = await api.tell(path, {"phase": "Running"}, uid=other)
    annotated = await api.ask("PATCH", path, {"metadata": {"uid": other, "annotations": {"a": "1"}}}, media_type=MERGE)
    deleted = await api.ask("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": other}})
    assert [answer.code for answer in (told, annotated, deleted)] == [422, 422, 409]
    for refused in (told, annotated):
        assert [cause["field"] for cause in refused.body["details"]["causes"]] == ["metadata.uid"]
    assert (await api.ask("GET", path)).body["status"]["phase"] == "Pending"


async def a_deleted_pod_of_a_node_stays_until_its_kubelet_lets_it_go(api: ApiServer) -> None:
    path, made = await api.pod()
    marked = await api.ask("DELETE", path, {})
    assert marked.code == 200
    assert marked.metadata["deletionGracePeriodSeconds"] == 30
    assert marked.metadata["deletionTimestamp"]
    assert marked.metadata["generation"] == 2
    assert (await api.ask("GET", path)).code == 200
    last = {"gracePeriodSeconds": 0, "preconditions": {"uid": made.metadata["uid"]}}
    assert (await api.ask("DELETE", path, last)).code == 200
    assert (await api.ask("GET", path)).code == 404


async def a_second_deletion_can_only_shorten_the_wait(api: ApiServer) -> None:
    path, _ = await api.pod()
    seen = []
    for grace_s in (20, 60, 10):
        await api.ask("DELETE", path, {"gracePeriodSeconds": grace_s})
        seen.append((await api.ask("GET", path)).metadata["deletionGracePeriodSeconds"])
    assert seen == [20, 20, 10]


async def a_pod_that_has_ended_goes_at_once(api: ApiServer) -> None:
    path, _ = await api.pod()
    await api.tell(path, {"phase": "Succeeded"})
    await api.ask("DELETE", path, {})
    assert (await api.ask("GET", path)).code == 404


async def a_pod_that_no_node_has_goes_at_once(api: ApiServer) -> None:
    path, _ = await api.pod(nodeName=None, schedulerName="nobody")
    await api.ask("DELETE", path, {})
    assert (await api.ask("GET", path)).code == 404


async def a_status_is_written_by_its_own_door_and_nothing_else_is(api: ApiServer) -> None:
    path, _ = await api.pod()
    told = await api.ask(
        "PATCH",
        f"{path}/status",
        {"status": {"phase": "Running"}, "spec": {"activeDeadlineSeconds": 5}},
        media_type=MERGE,
    )
    assert told.body["status"]["phase"] == "Running"
    assert "activeDeadlineSeconds" not in told.body["spec"]
    patched = await api.ask("PATCH", path, {"status": {"phase": "Failed"}}, media_type=MERGE)
    assert patched.body["status"]["phase"] == "Running"


async def conditions_are_merged_by_their_type(api: ApiServer) -> None:
    path, _ = await api.pod()
    await api.tell(path, {"conditions": [_OTHERS]})
    await api.tell(path, {"conditions": [_READY]})
    told = await api.tell(path, {"conditions": [{"type": "Ready", "status": "False", "reason": "Stopped"}]})
    found = {one["type"]: one for one in told.body["status"]["conditions"]}
    assert found["example.com/seen"]["status"] == "True"
    ready = found["Ready"]
    assert (ready["status"], ready["reason"], ready["lastTransitionTime"]) == (
        "False",
        "Stopped",
        "2026-03-01T12:00:00Z",
    )


async def conditions_and_fields_can_be_taken_away(api: ApiServer) -> None:
    path, _ = await api.pod()
    await api.tell(path, {"message": "so far", "conditions": [_OTHERS, _READY]})
    told = await api.tell(path, {"message": None, "conditions": [{"$patch": "delete", "type": "Ready"}]})
    assert "message" not in told.body["status"]
    assert [one["type"] for one in told.body["status"]["conditions"]] == ["example.com/seen"]


async def container_statuses_are_written_whole(api: ApiServer) -> None:
    path, _ = await api.pod()
    await api.tell(path, {"containerStatuses": [_container({"waiting": {"reason": "ContainerCreating"}})]})
    told = await api.tell(path, {"containerStatuses": [_container({"running": {}}, restarts=1)]})
    (entry,) = told.body["status"]["containerStatuses"]
    assert list(entry["state"]) == ["running"]


async def a_container_that_ended_for_good_does_not_run_again(api: ApiServer) -> None:
    path, _ = await api.pod(restartPolicy="Never")
    end = {"terminated": {"exitCode": 1, "containerID": "saladcloud://1"}}
    assert (await api.tell(path, {"phase": "Running", "containerStatuses": [_container(end)]})).code == 200
    back = await api.tell(path, {"containerStatuses": [_container({"running": {}})]})
    assert (back.code, back.body["reason"]) == (422, "Invalid")
    assert "terminated" in (await api.ask("GET", path)).body["status"]["containerStatuses"][0]["state"]


async def a_container_that_succeeded_does_not_run_again_on_failure(api: ApiServer) -> None:
    path, _ = await api.pod(restartPolicy="OnFailure")
    failed = {"terminated": {"exitCode": 1, "containerID": "saladcloud://1"}}
    await api.tell(path, {"phase": "Running", "containerStatuses": [_container(failed)]})
    assert (await api.tell(path, {"containerStatuses": [_container({"running": {}}, restarts=1)]})).code == 200
    done = {"terminated": {"exitCode": 0, "containerID": "saladcloud://1"}}
    await api.tell(path, {"containerStatuses": [_container(done, restarts=1)]})
    assert (await api.tell(path, {"containerStatuses": [_container({"running": {}}, restarts=2)]})).code == 422


async def a_watch_tells_everything_since_its_version_in_order(api: ApiServer) -> None:
    before = await api.ask("GET", api.pods)
    path, made = await api.pod()
    await api.pod(nodeName=None, schedulerName="nobody")  # of no interest to this node
    await api.ask("PATCH", path, {"metadata": {"labels": {"a": "1"}}}, media_type=MERGE)
    await api.ask("DELETE", path, {"gracePeriodSeconds": 0})
    seen = await api.changes(before.version, 4)
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    versions = [int(body["metadata"]["resourceVersion"]) for _, body in seen]
    assert versions == sorted(set(versions))
    assert {body["metadata"]["uid"] for _, body in seen} == {made.metadata["uid"]}


async def a_watch_ends_after_its_time(api: ApiServer) -> None:
    now = await api.ask("GET", api.pods)
    assert await api.changes(now.version, 1, seconds=1) == []


async def the_last_deletion_is_told_as_a_change_and_then_as_the_end(api: ApiServer) -> None:
    before = await api.ask("GET", api.pods)
    path, made = await api.pod()
    await api.ask("DELETE", path, {"gracePeriodSeconds": 10})
    await api.ask("DELETE", path, {"gracePeriodSeconds": 0})
    seen = await api.changes(before.version, 4)
    grace_s = [(kind, body["metadata"].get("deletionGracePeriodSeconds")) for kind, body in seen]
    assert grace_s == [("ADDED", None), ("MODIFIED", 10), ("MODIFIED", 0), ("DELETED", 0)]
    assert [body["metadata"]["generation"] for _, body in seen] == [1, 2, 2, 2]
    assert {body["metadata"]["uid"] for _, body in seen} == {made.metadata["uid"]}


def _container(state: dict[str, Any], restarts: int = 0) -> dict[str, Any]:
    fixed = {"name": "main", "image": "busybox", "imageID": "", "ready": False}
    return {**fixed, "restartCount": restarts, "state": state}


BEHAVIOURS: tuple[Behaviour, ...] = (
    what_is_made_gets_uid_version_generation_and_time,
    a_second_object_of_a_name_is_refused,
    versions_rise_with_every_change_and_stay_without_one,
    generations_rise_with_the_spec_alone,
    an_update_of_an_older_version_is_a_conflict,
    an_update_without_a_version_is_refused,
    what_is_meant_for_a_predecessor_of_the_same_name_is_refused,
    a_deleted_pod_of_a_node_stays_until_its_kubelet_lets_it_go,
    a_second_deletion_can_only_shorten_the_wait,
    a_pod_that_has_ended_goes_at_once,
    a_pod_that_no_node_has_goes_at_once,
    a_status_is_written_by_its_own_door_and_nothing_else_is,
    conditions_are_merged_by_their_type,
    conditions_and_fields_can_be_taken_away,
    container_statuses_are_written_whole,
    a_container_that_ended_for_good_does_not_run_again,
    a_container_that_succeeded_does_not_run_again_on_failure,
    a_watch_tells_everything_since_its_version_in_order,
    the_last_deletion_is_told_as_a_change_and_then_as_the_end,
    a_watch_ends_after_its_time,
)
