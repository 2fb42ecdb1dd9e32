"""Findings as one text for people: every field is named, also where the reasons do not all fit.

Fields with the same reason share it, and fields of one object share its path:
`spec.securityContext.{fsGroup, runAsUser}: SaladCloud runs …`.
"""

from __future__ import annotations

from collections.abc import Iterable

from scvk.provider.translate.finding import Finding

_WITHOUT_REASONS = "Without effect, or with less than they say (`scvk translate` gives the reasons): "


def listed(findings: Iterable[Finding], *, limit: int | None = None) -> str:
    """Return all findings with their reasons, or, where that is longer than `limit`, all their paths."""
    by_reason: dict[str, list[str]] = {}
    for finding in findings:
        by_reason.setdefault(finding.reason, []).append(finding.path)
    full = "; ".join(f"{paths_together(paths)}: {reason}" for reason, paths in by_reason.items())
    if limit is None or len(full) <= limit:
        return full
    return _WITHOUT_REASONS + paths_together(path for paths in by_reason.values() for path in paths)


def paths_together(paths: Iterable[str]) -> str:
    """Return the paths in their order, those of one object written as one: `spec.{a, b}, metadata.c`."""
    by_parent: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        # What stands in brackets, such as an annotation's name, may have dots of its own.
        cut = path.rfind(".", 0, path.find("[") if path.endswith("]") and "[" in path else len(path))
        by_parent.setdefault(path[: cut + 1], []).append(path[cut + 1 :])
    return ", ".join(
        f"{parent}{names[0]}" if len(names) == 1 else f"{parent}{{{', '.join(names)}}}"
        for parent, names in by_parent.items()
    )
