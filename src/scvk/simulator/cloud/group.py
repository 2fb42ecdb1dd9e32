"""One container group: its status, its definition and the instances that it keeps.

    pending -> stopped <-> deploying -> running -> succeeded | failed
       |                                             (all programs ended for good)
       +-> failed (image); start tries again

`running` is never left for `deploying` again: a group whose only instance is being allocated anew stays
`running`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from scvk.simulator.clock import Agenda
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.cloud.events import GroupEvent, group_updated, replicas_updated
from scvk.simulator.cloud.instance import Instance
from scvk.simulator.cloud.journal import Journal
from scvk.simulator.cloud.means import Means
from scvk.simulator.cloud.states import GroupStatus, InstanceState, status_counts
from scvk.simulator.image_catalogue import Image, ImageSource
from scvk.simulator.runtime.contract import Launch

# How often a deleted group whose programs still end is looked at.
_LOOK_AGAIN_S = 1.0


class Owner(Protocol):
    """What a group needs of its project."""

    images: ImageSource

    def launch(self, group: Group, instance: Instance) -> Launch:
        """The container of an instance, with the platform's environment."""

    def group_gone(self, group: Group) -> None:
        """The deleted group has disappeared."""

    def usage_changed(self, replicas: int) -> None:
        """A group takes that many replicas more of the quota, or fewer."""


class Group:
    """A container group between its creation and its disappearance. Construct, then `begin`."""

    def __init__(self, means: Means, owner: Owner, journal: Journal, definition: Definition, dns: str | None) -> None:
        self._means = means
        self._owner = owner
        self._agenda = Agenda(means.clock)
        self._pulled_image: str | None = None
        self._images: dict[str, Image] = {}
        self.journal = journal
        self.id = means.new_id()
        self.dns = dns
        self.definition = definition
        self.version = 1
        self.status = GroupStatus.PENDING
        self.status_description = ""
        self.create_time: datetime = means.clock.now()
        self.update_time = self.create_time
        self.start_time: datetime | None = None
        self.finish_time: datetime | None = None
        self.wanted = bool(definition.values["autostart_policy"])
        """Whether it is meant to run; a group that is pending remembers it until the image is there."""
        self.deleting = False
        self.instances: dict[str, Instance] = {}
        self.encoded: tuple[object, msgspec.Raw] | None = None
        """Kept by `rendering`: what the last answer showed, and that answer."""
        self._outcomes: list[bool] = []
        self._replicas_counted = 0

    @property
    def name(self) -> str:
        """Unique in the project, for ever."""
        return self.definition.name

    @property
    def replicas_used(self) -> int:
        """What it takes of the organization's quota, running or not, until it is deleted."""
        return 0 if self.deleting else self.definition.quota_replicas

    @property
    def pending_change(self) -> bool:
        """Whether some instance does not yet have the newest definition."""
        pulling = self._pulled_image != self.definition.image and self.status is not GroupStatus.FAILED
        return pulling or any(instance.version != self.version for instance in self.instances.values())

    # --- requests ---

    def begin(self) -> None:
        """After creation: the image is pulled."""
        self._count()
        self._pull()

    def start(self) -> None:
        """Run it; without effect when it already is meant to."""
        if self.wanted:
            return
        self.wanted = True
        self._touch()
        if self.status in {GroupStatus.STOPPED, GroupStatus.SUCCEEDED, GroupStatus.FAILED}:
            self._outcomes.clear()
            if self._pulled_image == self.definition.image:
                self._deploy()
            else:
                self._pull()

    def stop(self) -> None:
        """Stop all instances; the status changes at once, the instances follow."""
        if not self.wanted:
            return
        self.wanted = False
        self._touch()
        if self.status is GroupStatus.PENDING:
            return
        self.status = GroupStatus.STOPPED
        self.finish_time = self._means.clock.now()
        self._event(GroupEvent.STOPPED)
        self._stop_all()

    def patch(self, definition: Definition) -> None:
        """Take another definition; what instances would notice replaces them all."""
        before, self.definition = self.definition, definition
        self._touch()
        if not definition.changed_lightly(before):
            self.version += 1
            self._event(group_updated(self.version))
        if definition.replicas != before.replicas:
            self._event(replicas_updated(before.replicas, definition.replicas))
        failed_to_pull = self.status is GroupStatus.FAILED and bool(self.status_description)
        if self._pulled_image != definition.image or self.status is GroupStatus.PENDING or failed_to_pull:
            self._pull()
            return
        self._agenda.call_off()  # another image may be on its way
        if self.status in {GroupStatus.DEPLOYING, GroupStatus.RUNNING}:
            self._replace_outdated()
            self._keep_count()

    def delete(self) -> None:
        """Stop, and disappear some time after."""
        if self.deleting:
            return
        self.stop()
        self.deleting = True
        self._count()
        self._agenda.call_off()
        self._stop_all()
        self._agenda.after(self._means.vary(self._means.durations.delete_s), self._disappear)

    def image_of(self, instance: Instance) -> Image:
        """What was pulled for it: a tag that moves at its registry changes nothing here."""
        return self._images[instance.definition.image]

    def abandon(self) -> None:
        """The simulator ends."""
        self._agenda.call_off()
        for instance in self.instances.values():
            instance.abandon()

    # --- what instances tell (Surroundings) ---

    def launch(self, instance: Instance) -> Launch:
        """The container to start."""
        return self._owner.launch(self, instance)

    def instance_began_running(self) -> None:
        """The first time, the group is running."""
        if self.status is GroupStatus.DEPLOYING:
            self.status = GroupStatus.RUNNING
            self._touch()

    def instance_finished(self, instance: Instance, *, succeeded: bool) -> None:
        """Its program ended for good; with the last one the whole group has."""
        self.instances.pop(instance.id, None)
        self._outcomes.append(succeeded)
        if self.status in {GroupStatus.DEPLOYING, GroupStatus.RUNNING} and self._wanted_count() == 0:
            self.status = GroupStatus.SUCCEEDED if all(self._outcomes) else GroupStatus.FAILED
            self.wanted = False
            self.finish_time = self._means.clock.now()
            self._touch()

    def instance_gone(self, instance: Instance) -> None:
        """It was stopped."""
        self.instances.pop(instance.id, None)

    # --- the image ---

    def _pull(self) -> None:
        """Pull the image into the platform's registry; a running group goes on with the old one."""
        self._agenda.call_off()
        if self.status not in {GroupStatus.DEPLOYING, GroupStatus.RUNNING}:
            self.status = GroupStatus.PENDING
            self.status_description = ""
        self._agenda.after(self._means.vary(self._means.durations.image_pull_s), self._obtain)

    def _obtain(self) -> None:
        definition = self.definition
        error = self._means.mishaps.pull_error(definition)
        if error is not None:
            self._pulled(definition.image, Image(pull_error=error))
            return
        self._agenda.hold(self._owner.images.obtain(definition, lambda got: self._pulled(definition.image, got)))

    def _pulled(self, image: str, got: Image) -> None:
        error = got.pull_error
        if error is not None:
            self.status = GroupStatus.FAILED
            self.status_description = error
            self.wanted = False
            self._touch()
            self.finish_time = self._means.clock.now()
            self._stop_all()
            return
        self._pulled_image = image
        self._images[image] = got
        self._touch()
        if self.status in {GroupStatus.DEPLOYING, GroupStatus.RUNNING}:
            self._replace_outdated()
            self._keep_count()
        elif self.wanted:
            self._deploy()
        else:
            self.status = GroupStatus.STOPPED

    # --- instances ---

    def _deploy(self) -> None:
        self.status = GroupStatus.DEPLOYING
        self.status_description = ""
        self.start_time = self._means.clock.now()
        self.finish_time = None
        self._event(GroupEvent.STARTED)
        self._keep_count()

    def _living(self) -> list[Instance]:
        return [i for i in self.instances.values() if i.state is not InstanceState.STOPPING]

    def _wanted_count(self) -> int:
        return max(0, self.definition.replicas - len(self._outcomes))

    def _keep_count(self) -> None:
        living = self._living()
        surplus = len(living) - self._wanted_count()
        # The cheapest first, of equal ones the youngest (`deletion_cost`, OpenAPI document).
        dispensable = sorted(enumerate(living), key=lambda item: (item[1].deletion_cost, -item[0]))
        for _, instance in dispensable[: max(0, surplus)]:
            instance.stop()
        for _ in range(-surplus):
            self._add_instance()

    def _add_instance(self) -> None:
        instance = Instance(self._means, self, self.journal, self.definition, self.version)
        self.instances[instance.id] = instance
        instance.begin()

    def _replace_outdated(self) -> None:
        outdated = [instance for instance in self._living() if instance.version != self.version]
        if outdated:
            self._outcomes.clear()
        for instance in outdated:
            instance.stop()

    def _stop_all(self) -> None:
        for instance in self._living():
            instance.stop()

    def _disappear(self) -> None:
        if self.instances:
            # Not before its last program has ended; that is a matter of its grace time.
            self._agenda.after(_LOOK_AGAIN_S, self._disappear)
            return
        self._owner.group_gone(self)

    def _touch(self) -> None:
        self.update_time = self._means.clock.now()
        self._count()

    def _count(self) -> None:
        """Tell the difference instead of being asked: a sum over all groups at each request would be slow."""
        used = self.replicas_used
        if used != self._replicas_counted:
            self._owner.usage_changed(used - self._replicas_counted)
            self._replicas_counted = used

    def _event(self, event: str) -> None:
        self.journal.group_event(event, self.version, self.definition)

    # --- counts ---

    def status_counts(self) -> Mapping[str, int]:
        """How many of its instances are in which state."""
        return status_counts(instance.state for instance in self.instances.values())
