"""One function per operation of the OpenAPI document that concerns container groups and their instances."""

from __future__ import annotations

from collections.abc import Callable

from scvk.simulator.api.gate import Answer, Call
from scvk.simulator.api.ratelimit import SlidingWindow
from scvk.simulator.cloud.events import InstanceEvent
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.rendering import encoded_group, render_group, render_instance
from scvk.simulator.config import SimulatorConfig
from scvk.simulator.problems import TooManyRequests

_ACCEPTED = Answer(202)
# Answers to patches carry it, as the document says.
_MERGE_PATCH = "application/merge-patch+json"


class GroupHandlers:
    """Requests on groups and instances."""

    def __init__(self, config: SimulatorConfig, monotonic: Callable[[], float]) -> None:
        self._list_max = config.list_max
        self._config = config
        self._monotonic = monotonic
        self._actions: dict[tuple[str, str], SlidingWindow] = {}

    def list_container_groups(self, call: Call) -> Answer:
        """All groups of the project."""
        project = call.project
        groups = list(project.groups.values())[: self._list_max]
        organization = call.organization.name
        return Answer(body={"items": [encoded_group(group, organization, project.name) for group in groups]})

    def create_container_group(self, call: Call) -> Answer:
        """201 with the group."""
        project = call.project
        group = project.create(call.body)
        path = call.request.url.path.rstrip("/")
        body = render_group(group, call.organization.name, project.name)
        return Answer(201, body, {"Location": f"{path}/{group.name}"})

    def get_container_group(self, call: Call) -> Answer:
        """One group."""
        project = call.project
        group = project.group(call.group_name)
        return Answer(body=render_group(group, call.organization.name, project.name))

    def update_container_group(self, call: Call) -> Answer:
        """The group after the patch."""
        project = call.project
        group = project.patch(call.group_name, call.body)
        return Answer(body=render_group(group, call.organization.name, project.name), media_type=_MERGE_PATCH)

    def delete_container_group(self, call: Call) -> Answer:
        """Accepted; the group goes later."""
        call.project.delete(call.group_name)
        return _ACCEPTED

    def start_container_group(self, call: Call) -> Answer:
        """Accepted, also when it is started already."""
        call.project.start(call.group_name)
        return _ACCEPTED

    def stop_container_group(self, call: Call) -> Answer:
        """Accepted, also when it is stopped already."""
        call.project.stop(call.group_name)
        return _ACCEPTED

    def get_system_logs(self, call: Call) -> Answer:
        """The newest 50 events."""
        return Answer(body={"items": call.project.group(call.group_name).journal.system_logs()})

    def list_container_group_instances(self, call: Call) -> Answer:
        """All instances of a group."""
        instances = call.project.group(call.group_name).instances.values()
        return Answer(body={"instances": [render_instance(instance) for instance in instances]})

    def get_container_group_instance(self, call: Call) -> Answer:
        """One instance: with status 202, which the document gives this answer."""
        return Answer(202, render_instance(self._instance(call)))

    def update_container_group_instance(self, call: Call) -> Answer:
        """Its deletion cost; null sets it back to 0."""
        instance = self._instance(call)
        if "deletion_cost" in call.body:
            instance.deletion_cost = int(call.body["deletion_cost"] or 0)
        return Answer(body=render_instance(instance))

    def reallocate_container_group_instance(self, call: Call) -> Answer:
        """Another machine."""
        instance = self._instance(call)
        self._spend(call, "reallocations", self._config.quotas.reallocations_per_minute)
        instance.interrupt(InstanceEvent.REALLOCATED_BY_USER)
        return _ACCEPTED

    def recreate_container_group_instance(self, call: Call) -> Answer:
        """A new container on the same machine."""
        instance = self._instance(call)
        self._spend(call, "recreates", self._config.quotas.recreates_per_minute)
        instance.recreate()
        return _ACCEPTED

    def restart_container_group_instance(self, call: Call) -> Answer:
        """The same container again."""
        instance = self._instance(call)
        self._spend(call, "restarts", self._config.quotas.restarts_per_minute)
        instance.restart()
        return _ACCEPTED

    def _instance(self, call: Call) -> Instance:
        return call.project.instance(call.group_name, call.path("container_group_instance_id"))

    def _spend(self, call: Call, action: str, limit: int) -> None:
        """Actions have per-minute quotas of their own, per organization. Raises TooManyRequests."""
        key = (call.organization.name, action)
        if key not in self._actions:
            self._actions[key] = SlidingWindow(limit, self._monotonic)
        wait_s = self._actions[key].take()
        if wait_s is not None:
            raise TooManyRequests(f"No more than {limit} {action} a minute.", wait_s)
