"""Tables that say for every field of a Kubernetes object what becomes of it.

A table has one row for each field of its model; a test holds the two together, so that a field which Kubernetes
adds cannot be dropped in silence. Most rows decide by themselves (`judge`); a field that becomes part of the request,
or whose judgement needs more than its own value, is `CARRIED` and belongs to a module of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from scvk.provider.translate.finding import Report


class Treatment(StrEnum):
    """What a table does with a field that is set to something."""

    CARRIED = "carried"
    """A module of this package translates it, or judges it with more in view."""
    ELSEWHERE = "elsewhere"
    """The business of the scheduler, the API server or the kubelet: nothing is lost, nothing is said."""
    DEGRADED = "degraded"
    REFUSED = "refused"


def nothing_more(_value: object) -> bool:
    """Count no value as harmless but those that mean "not set"."""
    return False


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one field.

    `reason` says what happens and what to do: for a finding where there is one, else for a reader of the table.
    `harmless` recognises values that change nothing, such as a default that the API server fills in; they are not
    reported, and `harmless_values` names them for a reader. What is empty never counts as set.
    """

    field: str
    treatment: Treatment
    reason: str
    reason_code: str = ""
    harmless: Callable[[object], bool] = nothing_more
    harmless_values: str = ""


def judge(subject: msgspec.Struct, rows: tuple[Row, ...], path: str, report: Report) -> None:
    """Report every field of `subject` whose row says so. `path` is where `subject` stands in the pod."""
    for row in rows:
        value = getattr(subject, row.field, None)
        if value is None or is_empty(value) or row.harmless(value):
            continue
        where = f"{path}.{row.field}"
        match row.treatment:
            case Treatment.REFUSED:
                report.refuse(where, row.reason_code, row.reason)
            case Treatment.DEGRADED:
                report.degrade(where, row.reason_code, row.reason)
            case Treatment.CARRIED | Treatment.ELSEWHERE:
                pass


def is_empty(value: object) -> bool:
    """Say whether a field counts as not set: None, an empty string, list or mapping, an object of such fields.

    Numbers and booleans are always something: `runAsUser: 0` is root, `hostUsers: false` a request.
    """
    match value:
        case None | "":
            return True
        case Mapping() | list() | tuple():
            return not value
        case msgspec.Struct():
            return all(is_empty(getattr(value, name)) for name in value.__struct_fields__)
        case _:
            return False


def one_of(*values: object) -> Callable[[object], bool]:
    """Return a test for `Row.harmless`: the value is one of these, of the same type."""
    return lambda value: any(type(value) is type(each) and value == each for each in values)
