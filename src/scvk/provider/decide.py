"""What to do next for one pod that should run: a pure function from what is known to one step.

    record   group by name                       has run   step
    none     -                                   -         write the record first; before that, where groups of the Go
                                                           program are adopted and one may be there, ask by its name
    yes      present, ours                       -         observe it; where the pod has changed since, update it
    yes      present, somebody else's            no        next attempt: the name is taken
    yes      present, somebody else's            yes       disowned: the marks were taken off it
    yes      present, environment not shown      -         ask by name
    yes      nothing known                       -         wait
    yes      nothing known, listing may be cut   -         ask by name
             and 404 by name                     no        create
             and 404 by name, "name conflict"    -         wait for a listing that is surely complete
             and 404 by name                     yes       wait for a listing that is surely complete
    yes      absent                              no        create
    yes      absent, the name is used up         no        absent twice and 404 by name, SETTLING_S after our last
                                                           create request: next attempt
    yes      absent                              yes       absent twice and 404 by name: the pod has failed

Where another attempt's group of the same pod lives (its record was lost or edited, or the Go program made it), the pod
gets that group's record instead of a first, a new or a next group, and is not lost.

The Go program's name is never created: a record of it counts as used up, and the attempt after it is 0.

INVARIANT: `Create` is only ever said for a name that stands in the pod's record, so that whatever happened to an
earlier request, there is one group for one attempt; a new attempt is only made when the former name is surely gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scvk.provider.applied import Applied, Setting
from scvk.provider.cloud_view import Absent, Lookup, Present, Unlisted
from scvk.provider.ownership import LEGACY_ATTEMPT, NotOurs, Owned, Ownership, Unknown
from scvk.provider.record import Record
from scvk.saladcloud.models import ContainerGroup

LISTINGS_THAT_PROVE_ABSENCE = 2
SETTLING_S = 20.0
"""What the platform took may be shown late: so long after a create request its absence does not make a second group."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a pod's group.

    `lookup` and `ownership` are about the record's name (`ownership` only where the group is present);
    `missing_by_name`: the platform just answered 404 for it; `name_used`: it took a create
    for the name, or refused one as used before; `settling`: our last create request for it is younger than SETTLING_S;
    `has_run`: the pod's status says that its container has been started; `living_attempt`: the listing shows the
    group of this other attempt, and it is surely the pod's; `applied`: the pod's settings beside those of its group.
    `legacy` is about the Go program's name for the pod, None where such groups are not adopted, or there is a record;
    `legacy_expected`: the pod's status tells that the Go program ran it. `missing_by_name` is about the record's name
    where there is a record, else about that one.
    """

    record: Record | None
    lookup: Lookup
    ownership: Ownership | None = None
    missing_by_name: bool = False
    name_used: bool = False
    settling: bool = False
    has_run: bool = False
    living_attempt: int | None = None
    applied: Applied | None = None
    legacy: Lookup | None = None
    legacy_expected: bool = False

    @property
    def used_up(self) -> bool:
        """Say whether the record's name can never be created (again)."""
        return self.name_used or (self.record is not None and self.record.attempt == LEGACY_ATTEMPT)


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Put this attempt's record on the pod, then decide again."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Create:
    """Create the record's group."""


@dataclass(frozen=True, slots=True)
class AskByName:
    """Read the record's group by name (without a record: the Go program's), then decide again."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Report what the group does."""

    group: ContainerGroup


@dataclass(frozen=True, slots=True)
class Note:
    """Report what the group does, put these annotations on the pod, then decide again.

    They say which of the pod's settings were judged, or what it said when the group was first seen.
    """

    group: ContainerGroup
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Update:
    """Report what the group does, and give it what the pod has changed since."""

    group: ContainerGroup
    changed: frozenset[Setting]


@dataclass(frozen=True, slots=True)
class Lost:
    """The group ran and is surely gone: the pod has failed."""


@dataclass(frozen=True, slots=True)
class Disowned:
    """The group runs on, but nothing on it says any more that it is the pod's: it is neither read nor deleted."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before more is known."""

    reason: str


Step = WriteRecord | Create | AskByName | Observe | Note | Update | Lost | Disowned | Wait


def decide(situation: Situation) -> Step:
    """Return the next step; see the table at the head of this module."""
    record = situation.record
    if record is None:
        return _decide_unrecorded(situation)
    match situation.lookup:
        case Present(group):
            return _decide_present(situation, record, group)
        case Unlisted(reason, may_be_cut):
            return _decide_unlisted(situation, reason, may_be_cut=may_be_cut)
        case Absent(listings):
            return _decide_absent(situation, record, listings)


def _decide_unrecorded(situation: Situation) -> Step:
    if situation.living_attempt is not None:
        return WriteRecord(situation.living_attempt)
    if situation.missing_by_name or situation.legacy is None:
        return WriteRecord(0)
    match situation.legacy:
        case Present(group):
            return AskByName() if group.container.environment_variables is None else WriteRecord(0)
        case Unlisted(reason, may_be_cut):
            return AskByName() if may_be_cut else Wait(reason)
        case Absent():
            return AskByName() if situation.legacy_expected else WriteRecord(0)


def _decide_present(situation: Situation, record: Record, group: ContainerGroup) -> Step:
    match situation.ownership:
        case Owned():
            found = situation.applied
            if found is not None and found.notes:
                return Note(group, found.notes)
            return Update(group, found.changed) if found is not None and found.changed else Observe(group)
        case NotOurs():
            if situation.living_attempt is not None:
                return WriteRecord(situation.living_attempt)
            return Disowned() if situation.has_run else WriteRecord(record.attempt + 1)
        case Unknown() | None:
            if situation.missing_by_name:
                return Wait("the container group is listed, but asked by name, it does not exist")
            return AskByName()


def _decide_unlisted(situation: Situation, reason: str, *, may_be_cut: bool) -> Step:
    if not may_be_cut:
        return Wait(reason)
    if not situation.missing_by_name:
        return AskByName()
    if situation.living_attempt is not None:
        return WriteRecord(situation.living_attempt)
    if situation.has_run or situation.used_up:
        return Wait(f"{reason}; asked by name, the container group does not exist")
    return Create()


def _decide_absent(situation: Situation, record: Record, listings: int) -> Step:
    if situation.living_attempt is not None:
        return WriteRecord(situation.living_attempt)
    if not situation.has_run and not situation.used_up:
        return Create()
    if listings < LISTINGS_THAT_PROVE_ABSENCE:
        return Wait("the container group is missing from one listing; another must confirm it")
    if situation.settling and not situation.has_run:
        return Wait("the container group was asked for just now, and may be shown late")
    if not situation.missing_by_name:
        return AskByName()
    return Lost() if situation.has_run else WriteRecord(record.attempt + 1)
