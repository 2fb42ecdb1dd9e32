"""Which answer becomes which error: only the platform's own JSON is a decision, all else is unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from scvk.saladcloud import errors
from scvk.saladcloud.answers import checked_acceptance, error_of, value_of
from scvk.saladcloud.errors import (
    AnswerLost,
    Call,
    Decision,
    InvalidRequest,
    NameConflict,
    NotFound,
    NotSent,
    QuotaExceeded,
    RateLimited,
    Refused,
    SaladCloudError,
    ServerError,
    Unauthorized,
    Undecided,
    UnreadableAnswer,
)
from scvk.saladcloud.models import ContainerGroupCollection, Violation
from scvk.saladcloud.retry_after import MAX_RETRY_AFTER_S, retry_after_seconds

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CREATE = Call("create_container_group", "POST", "/containers", "create container group web", changes=True)
GET = Call("get_container_group", "GET", "/containers/web", "get container group web")
HTML = b"<!DOCTYPE html><html><head><title>Attention Required! | Edge</title></head></html>"
CONFLICT = {"type": "https://salad.com/errors/name_conflict", "title": "Name conflict", "detail": "Taken."}


def answer(status: int, body: Any = b"", *, call: Call = CREATE, **headers: str) -> SaladCloudError:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_of(call, status, named, raw, now=NOW, secrets={"salad_key_123"})


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(404, {"title": "Not Found", "status": 404}, NotFound, id="404 problem"),
        pytest.param(404, {}, NotFound, id="404 empty object"),
        pytest.param(404, b"", UnreadableAnswer, id="404 without a body is not absence"),
        pytest.param(404, HTML, UnreadableAnswer, id="404 HTML is not absence"),
        pytest.param(404, b"[" * 100_000, UnreadableAnswer, id="404 nested without end is not absence"),
        pytest.param(404, b"null", UnreadableAnswer, id="404 null is not absence"),
        pytest.param(404, b'"not found"', UnreadableAnswer, id="404 text is not absence"),
        pytest.param(404, b'{"title": "Not', UnreadableAnswer, id="404 cut JSON is not absence"),
        pytest.param(400, CONFLICT, NameConflict, id="400 name_conflict as a URI"),
        pytest.param(400, {"type": "name_conflict"}, NameConflict, id="400 name_conflict"),
        pytest.param(409, {"type": "name-conflict"}, NameConflict, id="409 name-conflict"),
        pytest.param(400, {"title": "Replica quota exceeded"}, QuotaExceeded, id="400 quota in the title"),
        pytest.param(403, {"type": "quota_exceeded"}, QuotaExceeded, id="403 quota in the type"),
        pytest.param(403, {"detail": "The Quota is used up."}, QuotaExceeded, id="403 quota in the detail"),
        pytest.param(400, {"title": "Bad Request"}, InvalidRequest, id="400 problem"),
        pytest.param(422, {"errors": {}}, InvalidRequest, id="422 problem"),
        pytest.param(400, HTML, UnreadableAnswer, id="400 HTML"),
        pytest.param(401, {"title": "Unauthorized"}, Unauthorized, id="401 problem"),
        pytest.param(401, b"", Unauthorized, id="401 without a body"),
        pytest.param(403, {"title": "Forbidden"}, Unauthorized, id="403 problem"),
        pytest.param(403, b" ", Unauthorized, id="403 without a body"),
        pytest.param(403, HTML, UnreadableAnswer, id="403 HTML of an edge"),
        pytest.param(409, {"title": "Conflict"}, Refused, id="409 problem"),
        pytest.param(405, {"title": "No"}, Refused, id="405 problem"),
        pytest.param(413, HTML, UnreadableAnswer, id="413 HTML"),
        pytest.param(408, {}, ServerError, id="408"),
        pytest.param(425, b"", ServerError, id="425"),
        pytest.param(429, {"title": "Too Many Requests"}, RateLimited, id="429 problem"),
        pytest.param(429, HTML, RateLimited, id="429 HTML"),
        pytest.param(500, {"title": "quota name_conflict"}, ServerError, id="500 problem"),
        pytest.param(502, HTML, ServerError, id="502 HTML"),
        pytest.param(599, b"", ServerError, id="599"),
        pytest.param(302, b"", UnreadableAnswer, id="redirect"),
        pytest.param(304, {}, UnreadableAnswer, id="304"),
        pytest.param(101, b"", UnreadableAnswer, id="101"),
    ],
)
def test_status_and_body_decide_the_error(status: int, body: Any, error: type[SaladCloudError]) -> None:
    seen = answer(status, body)
    assert type(seen) is error
    assert (seen.status, seen.method, seen.path) == (status, "POST", "/containers")


DECISIONS = {NotFound, NameConflict, QuotaExceeded, InvalidRequest, Refused}
MAY_HAVE_HAPPENED = {ServerError, AnswerLost, UnreadableAnswer}
LEAVES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SaladCloudError) and not kind.__subclasses__()
]


@pytest.mark.parametrize("kind", LEAVES)
def test_an_error_is_either_a_decision_or_leaves_things_undecided(kind: type[SaladCloudError]) -> None:
    assert kind.decided is (kind in DECISIONS)
    assert issubclass(kind, Decision if kind in DECISIONS else Undecided)


@pytest.mark.parametrize("kind", LEAVES)
def test_only_requests_that_change_something_may_have_happened(kind: type[SaladCloudError]) -> None:
    assert kind(CREATE, status=500).may_have_happened is (kind in MAY_HAVE_HAPPENED)
    assert kind(GET, status=500).may_have_happened is False


@pytest.mark.parametrize(
    ("errors", "fields"),
    [
        pytest.param(
            {"container.image": ["Required.", "Too short."], "$.name": ["Bad."]},
            [("container.image", "Required."), ("container.image", "Too short."), ("name", "Bad.")],
            id="lists by path",
        ),
        pytest.param({"name": "Bad."}, [("name", "Bad.")], id="text by path"),
        pytest.param({"name": [{"code": 1}]}, [("name", "invalid")], id="shape unknown"),
        pytest.param([{"path": "name", "message": "Bad."}], [("name", "Bad.")], id="objects"),
        pytest.param([{"field": "name", "detail": "Bad."}], [("name", "Bad.")], id="other objects"),
        pytest.param(["Bad."], [("", "Bad.")], id="texts"),
        pytest.param("Bad.", [], id="no collection"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_wrong_fields_are_read_from_problems(errors: Any, fields: list[tuple[str, str]]) -> None:
    seen = answer(400, {"title": "Bad Request", "errors": errors})
    assert isinstance(seen, InvalidRequest)
    assert seen.fields == tuple(Violation(*field) for field in fields)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (answer(404, {"title": "Not Found"}, call=GET), "get container group web: not found (404 Not Found)"),
        (
            answer(429, b"", retry_after="12", call=GET),
            "get container group web: too many requests with this API key (429); again in 12 s",
        ),
        (
            answer(502, {"title": "Bad Gateway"}),
            ("create container group web: SaladCloud failed (502 Bad Gateway); it may have taken effect all the same"),
        ),
        (
            answer(404, HTML, call=GET),
            "get container group web: unreadable answer: an HTML page, 'Attention Required! | Edge' (404)",
        ),
        (
            answer(400, {"errors": {f"f{n}": ["Bad."] for n in range(7)}}, call=GET),
            "get container group web: invalid request: "
            + "; ".join(f"f{n}: Bad." for n in range(5))
            + "; and 2 more (400)",
        ),
        (
            InvalidRequest(CREATE, [Violation("name", "shorter than 2 characters")]),
            "create container group web: not sent, as it is invalid: name: shorter than 2 characters",
        ),
        (
            NotSent(CREATE, reason="ConnectError refused"),
            "create container group web: no connection: ConnectError refused; " + NotSent.hint,
        ),
        (
            answer(400, CONFLICT),
            (
                "create container group web: the name was used before in this project "
                f"(400 Name conflict: Taken.); {NameConflict.hint}"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SaladCloudError) else "",
)
def test_an_error_is_one_clear_line(error: SaladCloudError, line: str) -> None:
    assert str(error) == line


@pytest.mark.parametrize("key", ["type", "title", "detail", "message"])
def test_the_platforms_words_are_cut_cleaned_and_without_secrets(key: str) -> None:
    text = "a\n\x1b[31m salad_key_123 \u202e" + "b" * 1000
    seen = answer(400, {key: text})
    words = seen.words.detail if key == "message" else getattr(seen.words, key)
    assert words.startswith("a [31m *** bbb")
    assert len(words) == 256
    assert str(seen).isprintable()


def test_secrets_do_not_return_in_fields_or_titles_of_pages() -> None:
    assert "salad_key_123" not in str(answer(400, {"errors": {"salad_key_123": ["is salad_key_123"]}}))
    assert "salad_key_123" not in str(answer(404, b"<html><title>salad_key_123</title>"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (HTML, "an HTML page, 'Attention Required! | Edge'"),
        (b"", "an empty body"),
        (b"{", "broken JSON"),
        (b"\xff", "broken JSON"),
        (b"[" * 100_000, "not of the expected shape: Expected `object`, got `array`"),
        (b"[]", "not of the expected shape: Expected `object`, got `array`"),
        (b"{}", "not of the expected shape: Object missing required field `items`"),
    ],
)
def test_a_success_that_cannot_be_read_is_unreadable(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableAnswer) as caught:
        value_of(GET, 200, body, ContainerGroupCollection)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("body", "accepted"), [(b"", True), (b"{}", True), (b" \n", True), (HTML, False), (b"OK", False)]
)
def test_an_action_is_accepted_without_a_body_but_not_by_a_page(body: bytes, accepted: bool) -> None:
    if accepted:
        checked_acceptance(CREATE, 202, body)
    else:
        with pytest.raises(UnreadableAnswer):
            checked_acceptance(CREATE, 202, body)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("12", 12, id="seconds"),
        pytest.param("0.5", 0.5, id="part of a second"),
        pytest.param("-3", 0, id="negative"),
        pytest.param("Fri, 02 Jan 2026 03:05:05 GMT", 60, id="date"),
        pytest.param("Fri, 02 Jan 2026 03:00:00 GMT", 0, id="past date"),
        pytest.param("Fri, 02 Jan 2026 03:05:05 -0000", 60, id="date without a zone"),
        pytest.param("9" * 30, MAX_RETRY_AFTER_S, id="absurd"),
        pytest.param("Fri, 02 Jan 2099 03:05:05 GMT", MAX_RETRY_AFTER_S, id="absurd date"),
        pytest.param("soon", None, id="neither"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("inf", None, id="infinite"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


def test_rate_limits_and_failures_carry_retry_after() -> None:
    limited, failed = answer(429, retry_after="7"), answer(503, retry_after="9")
    assert isinstance(limited, RateLimited)
    assert isinstance(failed, ServerError)
    assert (limited.retry_after, failed.retry_after) == (7, 9)
