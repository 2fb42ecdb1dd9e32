"""Every row of the table of `decide`, and the promises that hold in all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from scvk.provider.applied import Applied, Setting, Settled
from scvk.provider.cloud_view import Absent, Lookup, Present, Unlisted
from scvk.provider.decide import (
    AskByName,
    Create,
    Disowned,
    Lost,
    Note,
    Observe,
    Situation,
    Step,
    Update,
    Wait,
    WriteRecord,
    decide,
)
from scvk.provider.ownership import LEGACY_ATTEMPT, NotOurs, Owned, Ownership, Unknown
from scvk.provider.record import Record
from scvk.saladcloud.models import Container, ContainerGroup
from tests.unit.provider.evidence import MARK, NAME, our_group

RECORD = Record(NAME, 1)
PRESENT = Present(our_group())
HIDDEN = Present(ContainerGroup(id="1", name="shop-web", container=Container()))
NO_LISTING = Unlisted("no listing yet")
CUT = Unlisted("may be cut", may_be_cut=True)
LOOKUPS: tuple[tuple[Lookup, Ownership | None], ...] = (
    (PRESENT, Owned(MARK)),
    (PRESENT, NotOurs("no marks")),
    (PRESENT, Unknown()),
    (PRESENT, None),
    (NO_LISTING, None),
    (CUT, None),
    (Absent(0), None),
    (Absent(1), None),
    (Absent(2), None),
    (Absent(99), None),
)
IN_STEP = Applied({"image": "a"}, {"image": "a"})
CHANGED = Applied({"image": "b"}, {"image": "a"})
REFUSED = Applied({"image": "b"}, {"image": "a"}, {"image": Settled("b", applied=False)})
UNNOTED = Applied({"image": "a"}, None)
OUTDATED = Applied({"image": "c"}, {"image": "a"}, {"image": Settled("b", applied=False)})
SITUATIONS = [
    Situation(record, lookup, owner, missing, conflict, has_run=has_run, living_attempt=living, applied=applied)
    for record, (lookup, owner), missing, conflict, has_run, living, applied in product(
        (None, RECORD),
        LOOKUPS,
        (False, True),
        (False, True),
        (False, True),
        (None, 0, 3),
        (None, IN_STEP, CHANGED, REFUSED, UNNOTED, OUTDATED),
    )
]


@pytest.mark.parametrize(
    ("lookup", "owner", "facts", "step"),
    [
        pytest.param(PRESENT, Owned(MARK), {}, Observe, id="ours"),
        pytest.param(PRESENT, Owned(MARK), {"has_run": True}, Observe, id="ours-ran"),
        pytest.param(PRESENT, Owned(MARK), {"applied": IN_STEP}, Observe, id="unchanged"),
        pytest.param(PRESENT, Owned(MARK), {"applied": CHANGED}, Update, id="changed"),
        pytest.param(PRESENT, Owned(MARK), {"applied": REFUSED}, Observe, id="changed-and-refused"),
        pytest.param(PRESENT, Owned(MARK), {"applied": UNNOTED}, Note, id="made-of-unknown"),
        pytest.param(PRESENT, Owned(MARK), {"applied": OUTDATED}, Note, id="changed-after-it-was-refused"),
        pytest.param(PRESENT, NotOurs(""), {"applied": CHANGED}, WriteRecord, id="changed-and-somebody-elses"),
        pytest.param(PRESENT, Unknown(), {"applied": CHANGED}, AskByName, id="changed-and-not-shown-whose"),
        pytest.param(PRESENT, NotOurs(""), {}, WriteRecord, id="somebody-elses"),
        pytest.param(PRESENT, NotOurs(""), {"has_run": True}, Disowned, id="somebody-elses-that-was-ours"),
        pytest.param(PRESENT, Unknown(), {}, AskByName, id="not-shown-whose"),
        pytest.param(PRESENT, Unknown(), {"missing_by_name": True}, Wait, id="listed-but-gone-by-name"),
        pytest.param(NO_LISTING, None, {}, Wait, id="nothing-known"),
        pytest.param(NO_LISTING, None, {"has_run": True, "missing_by_name": True}, Wait, id="nothing-known-ran"),
        pytest.param(CUT, None, {}, AskByName, id="cut"),
        pytest.param(CUT, None, {"missing_by_name": True}, Create, id="cut-and-404"),
        pytest.param(CUT, None, {"missing_by_name": True, "name_used": True}, Wait, id="cut-404-conflict"),
        pytest.param(CUT, None, {"missing_by_name": True, "has_run": True}, Wait, id="cut-404-ran"),
        pytest.param(Absent(1), None, {}, Create, id="absent"),
        pytest.param(Absent(1), None, {"name_used": True}, Wait, id="absent-once-conflict"),
        pytest.param(Absent(2), None, {"name_used": True}, AskByName, id="absent-twice-conflict"),
        pytest.param(Absent(2), None, {"name_used": True, "missing_by_name": True}, WriteRecord, id="used-up-for-sure"),
        pytest.param(Absent(9), None, {"name_used": True, "settling": True}, Wait, id="used-just-now"),
        pytest.param(Absent(2), None, {"has_run": True, "settling": True}, AskByName, id="ran-just-now"),
        pytest.param(Absent(1), None, {"has_run": True, "missing_by_name": True}, Wait, id="absent-once-ran"),
        pytest.param(Absent(2), None, {"has_run": True}, AskByName, id="absent-twice-ran"),
        pytest.param(Absent(2), None, {"has_run": True, "missing_by_name": True}, Lost, id="gone-for-sure"),
        pytest.param(
            Absent(2), None, {"has_run": True, "missing_by_name": True, "living_attempt": 0}, WriteRecord, id="adopts"
        ),
        pytest.param(Absent(1), None, {"living_attempt": 0}, WriteRecord, id="adopts-rather-than-creates"),
    ],
)
def test_table(lookup: Lookup, owner: Ownership | None, facts: dict[str, Any], step: type[Step]) -> None:
    assert type(decide(Situation(RECORD, lookup, owner, **facts))) is step


def test_without_a_record_the_record_comes_first() -> None:
    for situation in SITUATIONS:
        if situation.record is None:
            assert decide(situation) == WriteRecord(situation.living_attempt or 0)


@pytest.mark.parametrize(
    ("legacy", "facts", "step"),
    [
        pytest.param(None, {"legacy_expected": True}, WriteRecord(0), id="not-adopting"),
        pytest.param(PRESENT, {}, WriteRecord(0), id="there-and-not-the-pods"),
        pytest.param(PRESENT, {"living_attempt": LEGACY_ATTEMPT}, WriteRecord(LEGACY_ATTEMPT), id="there-and-the-pods"),
        pytest.param(HIDDEN, {}, AskByName(), id="there-and-not-shown-whose"),
        pytest.param(NO_LISTING, {}, Wait("no listing yet"), id="nothing-known"),
        pytest.param(CUT, {}, AskByName(), id="cut"),
        pytest.param(CUT, {"missing_by_name": True}, WriteRecord(0), id="cut-and-404"),
        pytest.param(Absent(1), {}, WriteRecord(0), id="absent-and-never-ran"),
        pytest.param(Absent(9), {"legacy_expected": True}, AskByName(), id="absent-and-ran"),
        pytest.param(Absent(1), {"legacy_expected": True, "missing_by_name": True}, WriteRecord(0), id="gone"),
    ],
)
def test_a_pod_that_the_go_program_may_have_run_gets_no_group_before_that_is_known(
    legacy: Lookup | None, facts: dict[str, Any], step: Step
) -> None:
    assert decide(Situation(None, Absent(1), legacy=legacy, **facts)) == step


def test_the_go_programs_name_is_never_created() -> None:
    record = Record("shop-web", LEGACY_ATTEMPT)
    steps = [decide(replace(situation, record=record)) for situation in SITUATIONS if situation.record is not None]
    assert not any(isinstance(step, Create) for step in steps)
    gone = Situation(record, Absent(2), missing_by_name=True)
    assert decide(gone) == WriteRecord(0)
    assert isinstance(decide(replace(gone, has_run=True)), Lost)


def test_a_create_needs_a_record_and_a_name_that_is_not_there_and_was_never_used() -> None:
    for situation in SITUATIONS:
        if isinstance(decide(situation), Create):
            assert situation.record is not None
            assert not situation.name_used
            assert not situation.has_run
            assert situation.living_attempt is None
            asked = situation.missing_by_name and situation.lookup == CUT
            assert isinstance(situation.lookup, Absent) or asked


def test_a_pod_is_lost_only_when_it_ran_and_two_listings_and_the_name_say_gone() -> None:
    for situation in SITUATIONS:
        if isinstance(decide(situation), Lost):
            assert situation.has_run
            assert situation.missing_by_name
            assert isinstance(situation.lookup, Absent)
            assert situation.lookup.listings >= 2
            assert situation.living_attempt is None


def test_the_next_attempt_needs_a_name_that_is_surely_gone_or_taken() -> None:
    for situation in SITUATIONS:
        step = decide(situation)
        if situation.record is not None and step == WriteRecord(situation.record.attempt + 1):
            taken = isinstance(situation.ownership, NotOurs)
            gone = isinstance(situation.lookup, Absent) and situation.lookup.listings >= 2
            assert taken or (gone and situation.missing_by_name and situation.name_used)


def test_only_what_is_surely_ours_is_observed_and_updated() -> None:
    for situation in SITUATIONS:
        if isinstance(decide(situation), Observe | Update | Note):
            assert isinstance(situation.ownership, Owned)


def test_an_update_has_only_what_is_changed_and_not_judged() -> None:
    for situation in SITUATIONS:
        step = decide(situation)
        if isinstance(step, Update):
            assert situation.applied == CHANGED
            assert step.changed == {Setting.IMAGE}


def test_what_was_just_asked_is_not_asked_again_unless_whose_it_is_stays_hidden() -> None:
    for situation in SITUATIONS:
        if situation.missing_by_name:
            assert not isinstance(decide(situation), AskByName)


def test_every_situation_has_a_step() -> None:
    assert {type(decide(situation)) for situation in SITUATIONS} == set(get_args(Step))
