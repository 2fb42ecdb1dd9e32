"""What failed looks at SaladCloud mean for the node: an outage never makes it NotReady, a lasting refusal does."""

from __future__ import annotations

import pytest

from scvk.provider.capacity import Replicas
from scvk.provider.contact import FOR_GOOD_AFTER_S, FOR_GOOD_AFTER_TIMES, Contact, Refusal
from scvk.provider.node_conditions import conditions, quota_available, reachable
from scvk.saladcloud.errors import AnswerLost, Call, NotFound, RateLimited, SaladCloudError, ServerError, Unauthorized

CALL = Call("list_container_groups", "GET", "/x", "list container groups")
KEY, GONE = Unauthorized(CALL, status=401), NotFound(CALL, status=404)
LOST, DOWN, BUSY = AnswerLost(CALL, reason="timed out"), ServerError(CALL, status=503), RateLimited(CALL)
HOURS = 4 * 3600.0


def after(*failures: tuple[float, SaladCloudError | None]) -> Contact:
    contact = Contact()
    for at, error in failures:
        contact = Contact() if error is None else contact.failed(error, at=at)
    return contact


def every_minute(error: SaladCloudError, minutes: int) -> list[tuple[float, SaladCloudError | None]]:
    return [(60.0 * minute, error) for minute in range(minutes + 1)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KEY, "ApiKeyRefused"),
        (GONE, "ProjectNotFound"),
        (LOST, "NoCertainAnswer"),
        (DOWN, "NoCertainAnswer"),
        (BUSY, "TooManyRequests"),
    ],
)
def test_a_failed_look_is_told_at_once_with_its_reason(error: SaladCloudError, reason: str) -> None:
    told = reachable(after((0, error)))
    assert (told.type, told.status, told.reason) == ("SaladCloudReachable", "False", reason)
    assert told.message == str(error)


def test_an_answer_makes_it_reachable_again() -> None:
    assert reachable(after((0, KEY), (5, None))).status == "True"


@pytest.mark.parametrize("error", [LOST, DOWN, BUSY])
def test_an_outage_of_hours_leaves_the_node_ready(error: SaladCloudError) -> None:
    contact = after(*every_minute(error, 240))
    assert contact.refused_for_good(HOURS) is None
    assert "Ready" not in {each.type for each in conditions(Replicas(10, 1), contact, HOURS)}


@pytest.mark.parametrize(("error", "refusal"), [(KEY, Refusal.API_KEY), (GONE, Refusal.PROJECT)])
def test_a_refusal_that_lasts_makes_the_node_not_ready_and_says_what_to_do(
    error: SaladCloudError, refusal: Refusal
) -> None:
    contact = after(*every_minute(error, 10))
    assert contact.refused_for_good(FOR_GOOD_AFTER_S - 1) is None
    assert contact.refused_for_good(FOR_GOOD_AFTER_S) is refusal
    (ready,) = [each for each in conditions(Replicas(10, 1), contact, FOR_GOOD_AFTER_S) if each.type == "Ready"]
    assert (ready.status, ready.reason) == ("False", refusal.reason)
    assert refusal.remedy in (ready.message or "")


def test_a_refusal_said_a_few_times_only_is_not_for_good() -> None:
    few = [(0.0, KEY), *((60.0 * minute, LOST) for minute in range(1, 200)), (HOURS, KEY)]
    assert after(*few).refused_for_good(HOURS) is None
    assert len([error for _, error in few if error is KEY]) < FOR_GOOD_AFTER_TIMES


def test_failures_that_say_nothing_of_the_refusal_do_not_end_it() -> None:
    looks = [(60.0 * minute, KEY if minute % 2 == 0 else DOWN) for minute in range(12)]
    assert after(*looks).refused_for_good(FOR_GOOD_AFTER_S) is Refusal.API_KEY


def test_an_answer_or_another_refusal_begins_anew() -> None:
    assert after(*every_minute(KEY, 9), (570, None), (600, KEY)).refused_for_good(900) is None
    assert after(*every_minute(KEY, 10), (600, GONE)).refused_for_good(900) is None


@pytest.mark.parametrize(
    ("replicas", "status", "reason", "words"),
    [
        (Replicas(500, 12), "True", "QuotaLeft", "488 of 500"),
        (Replicas(500, 500), "False", "QuotaUsedUp", "of 500 replicas"),
        (Replicas(0, 0), "False", "QuotaUsedUp", "of 0 replicas"),
        (Replicas(500, 12, refused=True), "False", "QuotaUsedUp", "new pods wait"),
        (Replicas(None, 5, refused=True), "False", "QuotaUsedUp", "quota is used up"),
        (Replicas(None, 500), "Unknown", "QuotaNotKnown", "100 replicas are assumed"),
    ],
)
def test_the_quota_is_told_in_words(replicas: Replicas, status: str, reason: str, words: str) -> None:
    told = quota_available(replicas)
    assert (told.type, told.status, told.reason) == ("SaladCloudQuotaAvailable", status, reason)
    assert words in (told.message or "")
