"""The platform: organizations with their projects, and the requests that concern them.

Values that come in are valid by the OpenAPI document; every refusal is a `problems.Problem`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from scvk.simulator.clock import Clock
from scvk.simulator.cloud.definition import Definition, broken_rules
from scvk.simulator.cloud.events import INTERRUPTIONS, InstanceEvent
from scvk.simulator.cloud.group import Group
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.journal import Journal
from scvk.simulator.cloud.means import Means
from scvk.simulator.cloud.merging import patch_definition
from scvk.simulator.cloud.states import InstanceState
from scvk.simulator.config import Quotas
from scvk.simulator.gpu_catalogue import gpu_classes
from scvk.simulator.image_catalogue import DEFAULT_PATH, ImageSource
from scvk.simulator.logs.store import LogStore
from scvk.simulator.problems import InvalidRequest, NameConflict, NotFound, QuotaExceeded
from scvk.simulator.runtime.contract import Launch

# Domain of the container gateway; the label before it is unique per group.
DNS_SUFFIX = "salad.cloud"
_MIB = 1024 * 1024
# What a group gets that does not say how much storage it wants; a guess, the least that one can ask for.
_DEFAULT_STORAGE_MIB = 1024


class Organization:
    """A customer: a quota and projects."""

    def __init__(
        self, means: Means, name: str, project_names: tuple[str, ...], quotas: Quotas, images: ImageSource
    ) -> None:
        self.id = means.new_id()
        self.name = name
        self.quotas = quotas
        self.create_time: datetime = means.clock.now()
        self.projects = {project: Project(means, self, project, images) for project in project_names}

    @property
    def replicas_used(self) -> int:
        """Replicas of all groups that are not deleted, whether they run or not."""
        return sum(project.replicas_used for project in self.projects.values())

    def project(self, name: str) -> Project:
        """A project by name. Raises NotFound."""
        try:
            return self.projects[name]
        except KeyError:
            raise NotFound("The project could not be found.") from None

    def check_quota(self, more: int) -> None:
        """Raises QuotaExceeded when `more` replicas are too many."""
        used, quota = self.replicas_used, self.quotas.container_replicas
        if more > 0 and used + more > quota:
            raise QuotaExceeded(f"{more} more replicas exceed the quota: {used} of {quota} are in use.")


class Project:
    """A name space for groups, and their logs."""

    def __init__(self, means: Means, organization: Organization, name: str, images: ImageSource) -> None:
        self._means = means
        self.id = means.new_id()
        self.name = name
        self.organization = organization
        self.images = images
        self.logs = LogStore(means.clock.now)
        self.groups: dict[str, Group] = {}
        self.replicas_used = 0
        self._used_names: set[str] = set()

    # --- groups ---

    def group(self, name: str) -> Group:
        """A group by name, also one that is being deleted. Raises NotFound."""
        try:
            return self.groups[name]
        except KeyError:
            raise NotFound("The container group could not be found.") from None

    def create(self, values: Mapping[str, Any]) -> Group:
        """A new group from a valid prototype. Raises NameConflict, InvalidRequest, QuotaExceeded."""
        definition = self._checked(values)
        if definition.name in self._used_names:
            raise NameConflict(
                f"The name {definition.name!r} is or was used by a container group of this project; "
                "names can never be used again."
            )
        self.organization.check_quota(definition.quota_replicas)
        journal = Journal(self.logs, self.name, definition.name, self._means.clock, self._means.mishaps)
        means = self._means.own(self.organization.name, self.name, definition.name)
        dns = _new_dns(means) if values.get("networking") is not None else None
        group = Group(means, self, journal, definition, dns)
        self._used_names.add(group.name)
        self.groups[group.name] = group
        group.begin()
        return group

    def patch(self, name: str, patch: Mapping[str, Any]) -> Group:
        """Change a group by a valid `ContainerGroupPatch`. Raises NotFound, InvalidRequest, QuotaExceeded."""
        group = self._changeable(name)
        if patch.get("networking") is not None and group.definition.values.get("networking") is None:
            raise InvalidRequest.at("networking", "a group that was created without networking cannot get it")
        definition = self._checked(patch_definition(group.definition.values, patch))
        self.organization.check_quota(definition.quota_replicas - group.definition.quota_replicas)
        group.patch(definition)
        return group

    def start(self, name: str) -> None:
        """Raises NotFound, InvalidRequest."""
        self._changeable(name).start()

    def stop(self, name: str) -> None:
        """Raises NotFound."""
        self.group(name).stop()

    def delete(self, name: str) -> None:
        """Raises NotFound once it has disappeared."""
        self.group(name).delete()

    def instance(self, group_name: str, instance_id: str) -> Instance:
        """An instance by its id. Raises NotFound."""
        try:
            return self.group(group_name).instances[instance_id.lower()]
        except KeyError:
            raise NotFound("The container group instance could not be found.") from None

    # --- what groups need (Owner) ---

    def launch(self, group: Group, instance: Instance) -> Launch:
        """The container to start: the platform's variables win over the group's, those over the image's."""
        definition = instance.definition
        image = group.image_of(instance)
        env = {"PATH": DEFAULT_PATH, "HOME": "/root", **image.env, **definition.environment}
        env |= {
            "HOSTNAME": instance.id,
            "SALAD_ORGANIZATION_NAME": self.organization.name,
            "SALAD_ORGANIZATION_ID": self.organization.id,
            "SALAD_PROJECT_NAME": self.name,
            "SALAD_PROJECT_ID": self.id,
            "SALAD_CONTAINER_GROUP_NAME": group.name,
            "SALAD_CONTAINER_GROUP_ID": group.id,
            "SALAD_INSTANCE_ID": instance.id,
            "SALAD_MACHINE_ID": instance.machine_id,
        }
        resources = definition.resources
        storage_mib = int(resources.get("storage_amount") or _DEFAULT_STORAGE_MIB * _MIB) // _MIB
        return Launch(
            instance_id=instance.id,
            image=definition.image,
            argv=image.argv(definition.command),
            env=env,
            hostname=instance.id,
            cwd=image.working_dir,
            root=str(image.root) if image.root is not None else None,
            needs_root=image.needs_root,
            user=image.user,
            files=image.files,
            shm_mib=int(resources.get("shm_size") or 64),
            disk_mib=storage_mib,
            memory_mib=int(resources["memory"]),
        )

    def group_gone(self, group: Group) -> None:
        """It disappears from listings; its name stays used."""
        self.groups.pop(group.name, None)

    def usage_changed(self, replicas: int) -> None:
        """Keeps the count of replicas."""
        self.replicas_used += replicas

    # --- rules ---

    def _changeable(self, name: str) -> Group:
        group = self.group(name)
        if group.deleting:
            raise InvalidRequest("The container group is being deleted.")
        return group

    def _checked(self, values: Mapping[str, Any]) -> Definition:
        broken = broken_rules(values)
        definition = Definition(values)
        for index, class_id in enumerate(definition.gpu_classes):
            if class_id.lower() not in gpu_classes():
                broken[f"container.resources.gpu_classes[{index}]"] = ["is no GPU class on offer"]
        if broken:
            raise InvalidRequest(
                "; ".join(f"{path}: {', '.join(messages)}" for path, messages in broken.items()), broken
            )
        return definition


class Platform:
    """All organizations. `abandon` before the runtime is closed."""

    def __init__(
        self,
        means: Means,
        organizations: tuple[str, ...],
        projects: tuple[str, ...],
        quotas: Quotas,
        images: ImageSource,
    ) -> None:
        self.clock: Clock = means.clock
        self._random = means.random
        self.organizations = {name: Organization(means, name, projects, quotas, images) for name in organizations}

    def all_projects(self) -> Iterator[Project]:
        """Every project of every organization."""
        for organization in self.organizations.values():
            yield from organization.projects.values()

    def find_instance(self, instance_id: str) -> Instance:
        """An instance by its id alone. Raises NotFound."""
        for project in self.all_projects():
            for group in project.groups.values():
                if instance_id in group.instances:
                    return group.instances[instance_id]
        raise NotFound("No such instance.")

    def interrupt(self, instance_id: str, reason: str) -> InstanceEvent:
        """Let an instance lose its machine. Raises NotFound, InvalidRequest for an unknown reason."""
        event = _interruption(reason)
        instance = self.find_instance(instance_id)
        if instance.state is InstanceState.STOPPING:
            raise InvalidRequest("The instance is stopping.")
        instance.interrupt(event)
        return event

    def interrupt_some(self, reason: str, group_pattern: str, share: float) -> list[str]:
        """Let instances that are on a machine lose it, each with the probability `share`; the ids of those hit.

        `group_pattern` is a shell pattern on group names. Raises InvalidRequest for an unknown reason.
        """
        on_machines = [
            instance.id
            for project in self.all_projects()
            for group in project.groups.values()
            if fnmatchcase(group.name, group_pattern)
            for instance in group.instances.values()
            if instance.state not in {InstanceState.ALLOCATING, InstanceState.STOPPING}
        ]
        hit = [instance_id for instance_id in on_machines if self._random.random() < share]
        _interruption(reason)
        for instance_id in hit:
            self.interrupt(instance_id, reason)
        return hit

    def abandon(self) -> None:
        """The simulator ends: no timer fires any more."""
        for project in self.all_projects():
            for group in project.groups.values():
                group.abandon()


def _new_dns(means: Means) -> str:
    """A group's name in the domain of the container gateway."""
    words = "abcdefghijklmnopqrstuvwxyz0123456789"
    label = "".join(means.random.choice(words) for _ in range(16))
    return f"s{label}.{DNS_SUFFIX}"


def _interruption(reason: str) -> InstanceEvent:
    """The event for a reason of the control API. Raises InvalidRequest."""
    if reason not in INTERRUPTIONS:
        raise InvalidRequest.at("reason", "must be one of " + ", ".join(INTERRUPTIONS))
    return INTERRUPTIONS[reason]
