"""The result of `scvk gc` as a table for people, or as JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from scvk.kubelet.orphans import Verdict
from scvk.left_overs import GroupReport, Survey


def table_of(survey: Survey) -> Table:
    """Return one line for each group of this cluster, those without a pod first."""
    table = Table(box=None, pad_edge=False)
    for title in ("GROUP", "POD", "NODE", "VERDICT"):
        table.add_column(title, no_wrap=True)
    table.add_column("REASON")
    order = (Verdict.ORPHANED, Verdict.UNKNOWN, Verdict.KEPT)
    for report in sorted(survey.groups, key=lambda each: (order.index(each.verdict), each.group)):
        pod = f"{report.mark.namespace}/{report.mark.name}"
        table.add_row(report.group, pod, report.mark.node, verdict_of(report), report.reason)
    return table


def verdict_of(report: GroupReport) -> str:
    """Return the verdict, or what came of it."""
    match report.deleted:
        case True:
            return "deleted"
        case False:
            return "not confirmed"
        case None:
            return report.verdict.value


def summary_of(survey: Survey) -> str:
    """Return the counts in one sentence, and what else has to be known."""
    kept, orphaned, unknown = (len(survey.of(each)) for each in (Verdict.KEPT, Verdict.ORPHANED, Verdict.UNKNOWN))
    counts = survey.counts
    lines = [
        f"{counts.owned} of this cluster: {kept} kept, {orphaned} orphaned, {unknown} unknown.",
        f"Left alone: {counts.foreign} of others, {counts.unknown} whose owner SaladCloud does not show.",
    ]
    if survey.legacy:
        lines.append(
            f"Made by the Go program, and never collected, since they do not say which cluster they belong to: "
            f"{', '.join(survey.legacy)}."
        )
    if survey.cut:
        lines.append("The listing may be cut: groups that it lacks were not looked at. Run it again afterwards.")
    return "\n".join(lines)


def document_of(survey: Survey) -> dict[str, Any]:
    """Return what `--output json` prints; `deleted` is null where nothing was tried."""
    return {
        "groups": [
            {
                "group": report.group,
                "namespace": report.mark.namespace,
                "pod": report.mark.name,
                "uid": report.mark.uid,
                "node": report.mark.node,
                "verdict": report.verdict.value,
                "reason": report.reason,
                "deleted": report.deleted,
            }
            for report in survey.groups
        ],
        "foreign": survey.counts.foreign,
        "ownerNotShown": survey.counts.unknown,
        "legacy": list(survey.legacy),
        "listingMayBeCut": survey.cut,
    }
