"""What to do next for one pod that should run: a pure function from what is known to one step.

    record   group by name                       has run   step
    none     -                                   -         write the record first
    yes      present, ours                       -         observe it
    yes      present, somebody else's            -         next attempt: the name is taken
    yes      present, environment not shown      -         ask by name
    yes      nothing known                       -         wait (listing may be cut: ask by name)
    yes      absent                              no        create
    yes      absent, "name conflict"             no        absent twice and 404 by name: next attempt
    yes      absent                              yes       absent twice and 404 by name: the pod has failed

INVARIANT: `Create` is only ever said for a name that stands in the pod's record, so that whatever happened to an
earlier request, there is one group for one attempt; a new attempt is only made when the former name is surely gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from scvk.provider.cloud_view import Absent, Lookup, Present, Unlisted
from scvk.provider.ownership import NotOurs, Owned, Ownership, Unknown
from scvk.provider.record import Record
from scvk.saladcloud.models import ContainerGroup

LISTINGS_THAT_PROVE_ABSENCE = 2


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a pod's group.

    `lookup` and `ownership` are about the record's name (`ownership` only where the group is present);
    `missing_by_name`: the platform just answered 404 for it; `name_conflict`: it refused a create as used before;
    `has_run`: the pod's status says that its container has been started.
    """

    record: Record | None
    lookup: Lookup
    ownership: Ownership | None = None
    missing_by_name: bool = False
    name_conflict: bool = False
    has_run: bool = False


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Put this attempt's record on the pod, then decide again."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Create:
    """Create the record's group."""


@dataclass(frozen=True, slots=True)
class AskByName:
    """Read the record's group by name, then decide again."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Report what the group does."""

    group: ContainerGroup


@dataclass(frozen=True, slots=True)
class Lost:
    """The group ran and is surely gone: the pod has failed."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before more is known."""

    reason: str


Step = WriteRecord | Create | AskByName | Observe | Lost | Wait


def decide(situation: Situation) -> Step:
    """Return the next step; see the table at the head of this module."""
    record = situation.record
    if record is None:
        return WriteRecord(0)
    match situation.lookup:
        case Present(group):
            return _decide_present(situation, record, group)
        case Unlisted(reason, may_be_cut):
            if situation.missing_by_name:
                return Wait(f"{reason}; asked by name, it does not exist")
            return AskByName() if may_be_cut else Wait(reason)
        case Absent(listings):
            return _decide_absent(situation, record, listings)


def _decide_present(situation: Situation, record: Record, group: ContainerGroup) -> Step:
    match situation.ownership:
        case Owned():
            return Observe(group)
        case NotOurs():
            return Lost() if situation.has_run else WriteRecord(record.attempt + 1)
        case Unknown() | None:
            return AskByName()


def _decide_absent(situation: Situation, record: Record, listings: int) -> Step:
    if not situation.has_run and not situation.name_conflict:
        return Create()
    if listings < LISTINGS_THAT_PROVE_ABSENCE:
        return Wait("the container group is missing from one listing; another must confirm it")
    if not situation.missing_by_name:
        return AskByName()
    return Lost() if situation.has_run else WriteRecord(record.attempt + 1)
