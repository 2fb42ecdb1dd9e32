"""What is known of the project's groups: the last listing, what our own writes said since, and the events.

The view never guesses. A name is `Present`, `Absent` (complete listings lack it) or `Unlisted` (nothing is known: no
listing yet, the last one may be cut, or a write of ours is newer than it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from scvk.provider.timeline import PlatformEvent, merged
from scvk.saladcloud.models import ContainerGroup, ContainerGroupCollection, ContainerGroupInstance


@dataclass(frozen=True, slots=True)
class Present:
    """The group exists, as last shown."""

    group: ContainerGroup


@dataclass(frozen=True, slots=True)
class Absent:
    """So many complete listings in a row lack the name, all taken after our last create request for it."""

    listings: int


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The listing says nothing of the name; `may_be_cut`: the next listing will not either."""

    reason: str
    may_be_cut: bool = False


Lookup = Present | Absent | Unlisted


class CloudView:
    """One project, seen through listings and answers. Times are monotonic seconds of one clock, but for instances'."""

    def __init__(self) -> None:
        self._groups: dict[str, ContainerGroup] = {}
        self._by_variable: dict[str, dict[str, list[ContainerGroup]]] = {}
        """Variable → value → groups, made when first asked for after the groups changed."""
        self._listed_at: float | None = None
        self._cut = False
        self._absences: dict[str, int] = {}
        self._complete_listings = 0
        self._created: dict[str, tuple[float, ContainerGroup]] = {}
        self._asked: dict[str, float] = {}
        self._environments: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._events: dict[str, tuple[PlatformEvent, ...]] = {}
        self._instances: dict[str, tuple[datetime, ContainerGroupInstance | None]] = {}
        self._by_name: dict[str, ContainerGroup] = {}
        """What reads by name told of groups that a listing that may be cut lacks: it holds until the next read."""
        self._missing: dict[str, float] = {}
        """Name that a listing may have cut off → when the platform said 404 for it."""
        self._deleting: dict[str, None] = {}
        """Names of which an accepted delete is known, while listings may be cut: only a new read counts for them."""
        self._listings = 0
        self._heard_of: dict[str, int] = {}
        """Name → the number of the listing at which anything was last said of it."""

    @property
    def listed(self) -> bool:
        """Say whether a listing has been taken at all."""
        return self._listed_at is not None

    @property
    def listed_at(self) -> float | None:
        """When the last listing was asked for; None where there was none."""
        return self._listed_at

    @property
    def cut(self) -> bool:
        """Say whether the last listing may lack groups."""
        return self._cut

    @property
    def groups(self) -> tuple[ContainerGroup, ...]:
        """Return all groups known to exist, ours and others'."""
        return tuple(self._groups.values())

    def remembers(self, name: str) -> bool:
        """Say whether anything was heard of `name` lately; what is known of others can be forgotten elsewhere too."""
        return name in self._heard_of

    def replicas(self) -> int | None:
        """Return the replicas of all groups together, ours and others'; None where the listing does not tell."""
        if self._listed_at is None or self._cut:
            return None
        return sum(1 if group.replicas is None else group.replicas for group in self._groups.values())

    def groups_with(self, variable: str, value: str) -> Sequence[ContainerGroup]:
        """Return the groups whose container has an environment variable of that value."""
        index = self._by_variable.get(variable)
        if index is None:
            index = self._by_variable[variable] = {}
            for group in self._groups.values():
                found = (group.container.environment_variables or {}).get(variable)
                if found is not None:
                    index.setdefault(found, []).append(group)
        return index.get(value, ())

    def apply_listing(self, listing: ContainerGroupCollection, *, started_at: float) -> None:
        """Take over a full listing that was asked for at `started_at`."""
        previous = self._groups
        self._groups = {group.name: self._with_environment(group) for group in listing.items}
        self._cut = listing.may_be_cut
        self._listed_at = started_at
        self._complete_listings = 0 if self._cut else self._complete_listings + 1
        for name, (created_at, group) in tuple(self._created.items()):
            if name not in self._groups and created_at >= started_at:
                self._groups[name] = group
            else:
                del self._created[name]
        if self._cut:
            listed = {group.name for group in listing.items}
            self._by_name = {name: group for name, group in self._by_name.items() if name not in listed}
            self._groups |= self._by_name
        else:
            self._by_name.clear()
            self._missing.clear()
            self._deleting.clear()
        self._by_variable.clear()
        lost = (set(previous) | set(self._absences) | set(self._asked)) - set(self._groups)
        for name in lost:
            if not self._cut and self._asked.get(name, float("-inf")) < started_at:
                self._absences[name] = self._absences.get(name, 0) + 1
        for name in self._groups:
            self._absences.pop(name, None)
        self._forget()

    def apply_group(self, group: ContainerGroup, *, at: float) -> None:
        """Take over one group that the platform answered with (to a create, a read by name, an update)."""
        group = self._with_environment(group)
        self._groups[group.name] = group
        self._by_variable.clear()
        self._created[group.name] = (at, group)
        self._missing.pop(group.name, None)
        if self._cut and group.name not in self._deleting:
            self._by_name[group.name] = group
        self._absences.pop(group.name, None)
        self._heard_of[group.name] = self._listings

    def apply_missing(self, name: str, *, at: float) -> None:
        """Note that the platform, asked by name, said that there is no such group."""
        if not self._cut:
            return  # complete listings tell
        self._missing[name] = at
        self._heard_of[name] = self._listings
        for memory in (self._by_name, self._groups, self._created, self._deleting):
            memory.pop(name, None)
        self._by_variable.clear()

    def missing_since(self, name: str, moment: float) -> bool:
        """Say whether the platform, asked by name after `moment`, said that there is no such group."""
        return self._missing.get(name, float("-inf")) > moment

    def listed_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of the names that the last listing itself shows."""
        return tuple(name for name in names if name in self._groups and name not in self._by_name)

    def expect(self, name: str, *, at: float) -> None:
        """Note that a create request for `name` was sent: listings asked for before `at` say nothing of it."""
        self._asked[name] = at
        self._missing.pop(name, None)
        self._absences.pop(name, None)
        self._heard_of[name] = self._listings

    def expected_at(self, name: str) -> float | None:
        """Return when a create request for the name was sent last; None where none was, or long ago."""
        return self._asked.get(name)

    def forget_environment(self, name: str) -> None:
        """Note that a request of ours may have changed the group's environment: only answers from now on tell."""
        self._environments.pop(name, None)

    def apply_deleted(self, name: str) -> None:
        """Note that the platform accepted a delete: only listings count from now on, not our memory of the create."""
        self._created.pop(name, None)
        if self._cut:
            self._deleting[name] = None
            self._by_name.pop(name, None)

    def apply_events(self, events: Iterable[tuple[str, PlatformEvent]]) -> set[str]:
        """Add events; return the names of the groups that have new ones."""
        by_group: dict[str, list[PlatformEvent]] = {}
        for name, event in events:
            by_group.setdefault(name, []).append(event)
        changed = set()
        for name, new in by_group.items():
            known = self._events.get(name, ())
            together = merged(known, new)
            if together != known:
                self._events[name] = together
                self._heard_of[name] = self._listings
                changed.add(name)
        return changed

    def apply_instances(self, name: str, instances: Sequence[ContainerGroupInstance], *, at: datetime) -> None:
        """Note the instances of a group with one replica, asked for at wall time `at`: the newest counts."""
        self._instances[name] = (at, newest(instances))
        self._heard_of[name] = self._listings

    def lookup(self, name: str) -> Lookup:
        """Say what is known of the group called `name`."""
        if self._listed_at is None:
            return Unlisted("no listing of the project has been taken yet")
        group = self._groups.get(name)
        if group is not None:
            return Present(group)
        if self._cut:
            return Unlisted("the listing has as many groups as one answer holds, so it may be cut", True)
        asked = self._asked.get(name)
        if asked is not None and asked >= self._listed_at:
            return Unlisted("the last listing is older than the create request")
        # A name that was never heard of is missing from every listing since the start, or since the last cut one.
        return Absent(self._absences.get(name, self._complete_listings))

    def listed_after(self, moment: float) -> bool:
        """Say whether the last listing was asked for after `moment` and is complete."""
        return self._listed_at is not None and self._listed_at > moment and not self._cut

    def events(self, name: str) -> tuple[PlatformEvent, ...]:
        """Return the known events of a group in order of time."""
        return self._events.get(name, ())

    def instance(self, name: str) -> tuple[datetime, ContainerGroupInstance | None] | None:
        """Return when the group's instance was last asked for, and what it was; None if never."""
        return self._instances.get(name)

    def _with_environment(self, group: ContainerGroup) -> ContainerGroup:
        """Fill in an environment that this answer does not show from an earlier one: it never changes by itself."""
        shown = group.container.environment_variables
        if shown is not None:
            self._environments[group.name] = (group.id, shown)
            return group
        group_id, known = self._environments.get(group.name, ("", {}))
        if group_id != group.id:
            return group
        container = msgspec.structs.replace(group.container, environment_variables=known)
        return msgspec.structs.replace(group, container=container)

    def _forget(self) -> None:
        """Drop what belongs to names not heard of for long, so that memory follows the number of groups.

        Events come before the listing shows a new group, and a listing that may be cut shows some groups never: only
        time tells.
        """
        self._listings += 1
        self._heard_of.update(dict.fromkeys(self._groups, self._listings))
        memories: tuple[dict[str, Any], ...] = (
            self._absences,
            self._asked,
            self._environments,
            self._events,
            self._instances,
            self._missing,
            self._deleting,
            self._heard_of,
        )
        for name in set().union(*memories):
            if self._listings - self._heard_of.setdefault(name, self._listings) > ABSENCES_REMEMBERED:
                for memory in memories:
                    memory.pop(name, None)


ABSENCES_REMEMBERED = 120
"""Listings (10 minutes at one every 5 s) after which an absent name is forgotten."""


def newest(instances: Sequence[ContainerGroupInstance]) -> ContainerGroupInstance | None:
    """Return the instance that changed last; None where there is none."""

    def moment(instance: ContainerGroupInstance) -> float:
        return instance.update_time.timestamp() if instance.update_time else 0.0

    return max(instances, key=moment, default=None)
