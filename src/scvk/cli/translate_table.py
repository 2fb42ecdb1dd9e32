"""The report of `scvk translate` as text for people: one block a workload, the worst of each first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

import yaml

from scvk.provider.preview import PodOutcome, PodReport, Price
from scvk.provider.translate import Outcome

WIDTH = 100
_ORDER = (Outcome.REFUSED, Outcome.DEGRADED, Outcome.IGNORED, Outcome.EMULATED)
_INDENT = "  "


def text_of(reports: Sequence[PodReport]) -> str:
    """Return all blocks and a last line that counts the outcomes."""
    blocks = ["\n".join(_block(report)) for report in reports]
    return "\n\n".join([*blocks, _summary(reports)])


def _block(report: PodReport) -> Iterator[str]:
    price = f", {price_text(report.price)}" if report.price is not None else ""
    yield f"{report.title}: {report.outcome.value}{price}"
    for outcome in _ORDER:
        for finding in report.findings:
            if finding.outcome is outcome:
                yield from _entry(outcome.value, finding.path, finding.reason)
    for need in report.needs:
        yield from _entry("needs", f"{need.kind} {need.name}", need.reason)
    for warning in report.warnings:
        yield from _entry("warning", "", warning)
    if report.request is not None:
        yield f"{_INDENT}request"
        written = yaml.safe_dump(dict(report.request), sort_keys=False, allow_unicode=True, width=WIDTH)
        yield textwrap.indent(written.rstrip(), 2 * _INDENT)
    elif report.outcome in (PodOutcome.RUNS, PodOutcome.RUNS_DEGRADED):
        yield f"{_INDENT}request is not known before the image has been looked up"


def _entry(word: str, place: str, reason: str) -> Iterator[str]:
    head = f"{_INDENT}{word:<9} {place}".rstrip()
    if place:
        yield head
        yield textwrap.fill(reason, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12, break_on_hyphens=False)
    else:
        yield textwrap.fill(
            reason, WIDTH, initial_indent=f"{head:<12}", subsequent_indent=" " * 12, break_on_hyphens=False
        )


def price_text(price: Price) -> str:
    """Return the range as people write it."""
    if price.minimum == price.maximum:
        return f"${price.minimum} an hour"
    return f"${price.minimum} to ${price.maximum} an hour"


def _summary(reports: Iterable[PodReport]) -> str:
    outcomes = [report.outcome for report in reports]
    if not outcomes:
        return "No workload among the objects."
    counted = [f"{outcomes.count(each)} {each.value}" for each in PodOutcome if each in outcomes]
    return f"{len(outcomes)} workload{'s' if len(outcomes) > 1 else ''}: {', '.join(counted)}"
