"""What can go wrong when SaladCloud is asked for something, sorted by who knows what.

    SaladCloudError
    ├── Decision                 the platform judged this request, and nothing of it happened
    │   ├── NotFound             the object is not there (404)
    │   ├── NameConflict         the name was used before in the project (400 name_conflict)
    │   ├── QuotaExceeded        the organization may not have more (400 or 403 about a quota)
    │   ├── InvalidRequest       fields are wrong (400, 422); also raised before anything is sent
    │   └── Refused              any other no, such as 409 or 413
    └── Undecided                nothing was learnt about the object: unknown is not absent
        ├── Unauthorized         the API key is wrong or may not do this (401, 403)
        ├── RateLimited          too many requests with this key (429); `retry_after`
        ├── ServerError          the platform failed (5xx, 408, 425)
        ├── NoAnswer
        │   ├── NotSent          no connection: the request certainly did not happen
        │   └── AnswerLost       timed out or cut after sending
        └── UnreadableAnswer     HTML of an edge, broken JSON, an unknown shape, a redirect

Only a `Decision` may end a pod. After an `Undecided` error the world is as it was, except that the request
itself may have taken effect where `may_have_happened` says so. Which answer becomes which error is decided
in `answers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from scvk.saladcloud.models import Violation

MAX_NAMED_FIELDS = 5
"""How many wrong fields the text of an error names; all of them are in `InvalidRequest.fields`."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as errors, metrics and logs speak of it.

    `operation` is the document's operationId, `path` the one below the API's URL, `purpose` words such as
    "create container group web". `changes` tells whether the request changes anything if it arrives.
    """

    operation: str
    method: str
    path: str
    purpose: str
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """The platform's own words of an error: one line each, cut, without control characters and secrets."""

    type: str = ""
    title: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(word for word in (self.title or self.type, self.detail) if word)


class SaladCloudError(Exception):
    """A request that did not give what was asked for. `str()` is one clear line without secrets.

    `status` is None where there was no answer. `decided`: the platform judged the request.
    `may_have_happened`: the request, if it changes something, may have taken effect although its success
    was not learnt.
    """

    decided: ClassVar[bool] = False
    effect_unknown: ClassVar[bool] = False
    happening: ClassVar[str] = "failed"
    hint: ClassVar[str] = ""

    def __init__(self, call: Call, *, status: int | None = None, words: Words | None = None, reason: str = "") -> None:
        super().__init__(call, status, words, reason)
        self.call = call
        self.status = status
        self.words = words or Words()
        self.reason = reason

    @property
    def method(self) -> str:
        """The HTTP method of the request."""
        return self.call.method

    @property
    def path(self) -> str:
        """The path of the request below the API's URL."""
        return self.call.path

    @property
    def may_have_happened(self) -> bool:
        """Whether the request may have taken effect: never so for one that only reads."""
        return self.effect_unknown and self.call.changes

    def __str__(self) -> str:
        facts = " ".join(str(fact) for fact in (self.status, self.words) if fact is not None and str(fact))
        line = f"{self.call.purpose}: {self._happened()}"
        if facts:
            line += f" ({facts})"
        if self.may_have_happened:
            line += "; it may have taken effect all the same"
        if self._hint():
            line += f"; {self._hint()}"
        return line

    def _happened(self) -> str:
        return f"{self.happening}: {self.reason}" if self.reason else self.happening

    def _hint(self) -> str:
        return self.hint


class Decision(SaladCloudError):
    """The platform judged the request: nothing of it happened, and asking again changes nothing by itself."""

    decided = True


class NotFound(Decision):
    """The object is not there, said by the platform itself (a JSON object with status 404)."""

    happening = "not found"


class NameConflict(Decision):
    """The name was used in this project, perhaps by an earlier try of our own; it can never be again."""

    happening = "the name was used before in this project"
    hint = "look whether the group is there under this name, else take another name"


class QuotaExceeded(Decision):
    """The organization may not have more of this now."""

    happening = "a quota of the organization is used up"
    hint = "delete other container groups, or ask SaladCloud for a higher quota"


class InvalidRequest(Decision):
    """Fields are wrong, by the platform's judgement or by the document's (then `status` is None)."""

    happening = "invalid request"

    def __init__(
        self,
        call: Call,
        fields: Iterable[Violation] = (),
        *,
        status: int | None = None,
        words: Words | None = None,
    ) -> None:
        super().__init__(call, status=status, words=words)
        self.fields = tuple(fields)

    def _happened(self) -> str:
        named = "; ".join(str(field) for field in self.fields[:MAX_NAMED_FIELDS])
        more = len(self.fields) - MAX_NAMED_FIELDS
        what = self.happening if self.status is not None else "not sent, as it is invalid"
        return f"{what}: {named}" + (f"; and {more} more" if more > 0 else "") if named else what


class Refused(Decision):
    """The platform said no for a reason that has no class of its own."""

    happening = "refused"


class Undecided(SaladCloudError):
    """Nothing was learnt about the object: what was true before may still be true."""


class Unauthorized(Undecided):
    """The API key is unknown, or may not do this. It says nothing about the object, hence no Decision."""

    happening = "not allowed with this API key"
    hint = "check the API key, the organization and the project"


class RateLimited(Undecided):
    """Too many requests with this key. `retry_after`: the earliest useful next try in seconds, if told."""

    happening = "too many requests with this API key"

    def __init__(
        self,
        call: Call,
        retry_after: float | None = None,
        *,
        status: int | None = 429,
        words: Words | None = None,
    ) -> None:
        super().__init__(call, status=status, words=words)
        self.retry_after = retry_after

    def _hint(self) -> str:
        return "" if self.retry_after is None else f"again in {self.retry_after:.0f} s"


class ServerError(Undecided):
    """The platform failed. `retry_after` in seconds, where it was told."""

    effect_unknown = True
    happening = "SaladCloud failed"

    def __init__(
        self, call: Call, retry_after: float | None = None, *, status: int, words: Words | None = None
    ) -> None:
        super().__init__(call, status=status, words=words)
        self.retry_after = retry_after


class NoAnswer(Undecided):
    """No answer came."""

    happening = "no answer"


class NotSent(NoAnswer):
    """No connection could be made, or none was free: the request certainly did not happen."""

    happening = "no connection"
    hint = "check the network and the API's URL"


class AnswerLost(NoAnswer):
    """The request went out, at least in part, and the answer timed out or was cut."""

    effect_unknown = True


class UnreadableAnswer(Undecided):
    """An answer that means nothing certain: HTML of an edge, broken JSON, an unknown shape, a redirect."""

    effect_unknown = True
    happening = "unreadable answer"
