"""What the view says of a name: present, absent, or nothing, and never more than the answers bear."""

from __future__ import annotations

import pytest

from scvk.provider.cloud_view import ABSENCES_REMEMBERED, Absent, CloudView, Present, Unlisted, newest
from scvk.saladcloud.models import ContainerGroup, ContainerGroupCollection
from tests.unit.provider.evidence import a_group, an_event, an_instance, at


def listing(*groups: ContainerGroup, others: int = 0) -> ContainerGroupCollection:
    return ContainerGroupCollection(items=(*groups, *(a_group(name=f"other-{n}") for n in range(others))))


def a_view(*listings: ContainerGroupCollection) -> CloudView:
    view = CloudView()
    for number, each in enumerate(listings, start=1):
        view.apply_listing(each, started_at=number)
    return view


def test_before_the_first_listing_nothing_is_known() -> None:
    view = CloudView()
    view.apply_group(a_group(name="web"), at=1)
    assert not view.listed
    assert isinstance(view.lookup("web"), Unlisted)
    assert not view.listed_after(0)


def test_a_listed_group_is_present_and_a_missing_one_absent() -> None:
    view = a_view(listing(a_group(name="web")))
    assert view.lookup("web") == Present(a_group(name="web"))
    assert view.lookup("db") == Absent(1)


@pytest.mark.parametrize("seen_before", [True, False], ids=["seen-before", "never-seen"])
def test_absences_are_counted_by_listings_in_a_row(seen_before: bool) -> None:
    # Never seen: so it is after a restart of the agent, for a group that went while the agent was away.
    view = a_view(listing(*([a_group(name="web")] if seen_before else [])))
    counted = []
    for moment in (2, 3, 4):
        view.apply_listing(listing(), started_at=moment)
        counted.append(view.lookup("web"))
    first = 1 if seen_before else 2
    assert counted == [Absent(first), Absent(first + 1), Absent(first + 2)]


def test_a_group_that_comes_back_starts_the_count_again() -> None:
    view = a_view(listing(), listing(), listing(a_group(name="web")), listing())
    assert view.lookup("web") == Absent(1)


@pytest.mark.parametrize("count", [100, 200, 300])
def test_a_listing_that_may_be_cut_says_nothing_of_what_it_lacks(count: int) -> None:
    view = a_view(listing(a_group(name="web")), listing(others=count))
    lookup = view.lookup("web")
    assert isinstance(lookup, Unlisted)
    assert lookup.may_be_cut
    assert isinstance(view.lookup("other-0"), Present)
    assert not view.listed_after(0)


@pytest.mark.parametrize("count", [0, 1, 99, 101, 150])
def test_any_other_listing_is_complete(count: int) -> None:
    view = a_view(listing(others=count))
    assert view.lookup("web") == Absent(1)
    assert view.listed_after(0)


def test_a_cut_listing_does_not_count_as_one_that_lacks_the_name() -> None:
    before_and_after = a_view(listing(a_group(name="web")), listing(others=100), listing())
    assert before_and_after.lookup("web") == Absent(1)
    in_a_row = a_view(listing(), listing(), listing(others=100), listing())
    assert in_a_row.lookup("never-heard-of") == Absent(1)


@pytest.mark.parametrize(
    ("started_at", "answer"),
    [
        pytest.param(9, Present(a_group(name="web")), id="asked-for-before-the-answer"),
        pytest.param(10, Present(a_group(name="web")), id="at-the-same-moment"),
        pytest.param(11, Absent(1), id="asked-for-after-the-answer"),
    ],
)
def test_an_older_listing_does_not_hide_what_a_create_was_answered_with(started_at: float, answer: object) -> None:
    view = a_view(listing())
    view.expect("web", at=8)
    view.expect("web", at=10)
    view.apply_group(a_group(name="web"), at=10)
    view.apply_listing(listing(), started_at=started_at)
    assert view.lookup("web") == answer


@pytest.mark.parametrize(
    ("started_at", "known"),
    [
        pytest.param(9, False, id="before"),
        pytest.param(10, False, id="same-moment"),
        pytest.param(11, True, id="after"),
    ],
)
def test_only_listings_asked_for_after_a_create_request_say_that_the_name_is_absent(
    started_at: float, known: bool
) -> None:
    view = a_view(listing(), listing())
    view.expect("web", at=10)
    assert isinstance(view.lookup("web"), Unlisted)
    view.apply_listing(listing(), started_at=started_at)
    assert view.lookup("web") == Absent(1) if known else isinstance(view.lookup("web"), Unlisted)


def test_after_an_accepted_delete_only_listings_count() -> None:
    view = a_view(listing())
    view.apply_group(a_group(name="web"), at=10)
    view.apply_deleted("web")
    assert isinstance(view.lookup("web"), Present)
    view.apply_listing(listing(), started_at=9)
    assert isinstance(view.lookup("web"), Absent)
    assert not view.listed_after(9)


def test_an_environment_that_was_shown_once_is_filled_in() -> None:
    view = CloudView()
    view.apply_group(a_group(name="web", environment={"A": "1"}), at=0)
    view.apply_listing(listing(a_group(name="web")), started_at=1)
    assert view.groups[0].container.environment_variables == {"A": "1"}


def test_an_environment_belongs_to_the_id_and_not_to_the_name() -> None:
    view = a_view(listing(a_group(name="web", environment={"A": "1"}, group_id="one")))
    view.apply_listing(listing(a_group(name="web", group_id="two")), started_at=2)
    assert view.groups[0].container.environment_variables is None


def test_an_empty_environment_is_shown_too() -> None:
    view = a_view(listing(a_group(name="web", environment={})), listing(a_group(name="web")))
    assert view.groups[0].container.environment_variables == {}


def test_events_are_kept_once_and_in_order_whenever_they_come() -> None:
    view = CloudView()
    late, early = an_event(2, "Instance Running"), an_event(1, "Instance Allocated")
    assert view.apply_events([("web", late)]) == {"web"}
    assert view.apply_events([("web", early), ("web", late)]) == {"web"}
    assert view.apply_events([("web", late), ("web", early)]) == set()
    assert view.events("web") == (early, late)
    assert view.events("db") == ()


def test_the_instance_that_changed_last_counts() -> None:
    view = CloudView()
    assert view.instance("web") is None
    old, new, undated = an_instance("stopping", updated=1), an_instance("running", updated=2), an_instance("creating")
    view.apply_instances("web", [old, new, undated], at=at(9))
    assert view.instance("web") == (at(9), new)
    view.apply_instances("web", [], at=at(10))
    assert view.instance("web") == (at(10), None)
    assert newest([]) is None


@pytest.mark.parametrize("others", [0, 100], ids=["complete-listings", "cut-listings"])
def test_what_went_is_forgotten_after_a_while(others: int) -> None:
    view = a_view(listing(others=others))
    for number in range(20):
        name = f"web-{number}"
        view.expect(name, at=number)
        view.apply_group(a_group(name=name, environment={"A": "1"}), at=number)
        view.apply_events([(name, an_event(1, "Instance Running")), (f"foreign-{number}", an_event(1, "x"))])
        view.apply_instances(name, [an_instance()], at=at(1))
        view.apply_missing(f"foreign-{number}", at=number)
        view.apply_deleted(name)
    for moment in range(ABSENCES_REMEMBERED + 2):
        view.apply_listing(listing(others=others), started_at=100 + moment)
    memories = {name: value for name, value in vars(view).items() if isinstance(value, dict | set)}
    assert {name: value for name, value in memories.items() if any("web" in n or "foreign" in n for n in value)} == {}


def test_what_is_there_is_not_forgotten() -> None:
    view = CloudView()
    view.apply_events([("web", an_event(1, "Instance Running"))])
    view.apply_instances("web", [an_instance()], at=at(1))
    view.apply_group(a_group(name="web", environment={"A": "1"}), at=0)
    for moment in range(ABSENCES_REMEMBERED + 2):
        view.apply_listing(listing(a_group(name="web")), started_at=1 + moment)
    assert view.events("web")
    assert view.instance("web")
    assert view.groups[0].container.environment_variables == {"A": "1"}


def test_a_long_absence_stays_a_certain_one() -> None:
    view = a_view(listing(a_group(name="web")))
    for moment in range(2 * ABSENCES_REMEMBERED):
        view.apply_listing(listing(), started_at=2 + moment)
        lookup = view.lookup("web")
        assert isinstance(lookup, Absent)
        assert lookup.listings > moment


def test_groups_are_found_by_a_variable_in_the_newest_answers() -> None:
    def found() -> list[str]:
        return [group.name for group in view.groups_with("UID", "1")]

    view = a_view(listing(a_group(name="web", environment={"UID": "1"}), a_group(name="db", environment={"UID": "2"})))
    assert found() == ["web"]
    view.apply_group(a_group(name="new", environment={"UID": "1"}), at=2)
    assert found() == ["web", "new"]
    view.apply_listing(listing(a_group(name="new", environment={"UID": "1"})), started_at=3)
    assert found() == ["new"]
    assert not view.groups_with("OTHER", "1")
