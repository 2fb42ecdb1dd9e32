"""Writes the pages and files that are generated from code; with --check only says which ones are out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from scvk.chart_files import render_cluster_rules, render_values_schema
from scvk.provider.annotations_page import render_annotations_page
from scvk.provider.preview.interface import render_schema
from scvk.provider.translate.support_page import render_support_page
from scvk.settings_page import render_configuration_page

ROOT = Path(__file__).resolve().parent.parent
CHART = "charts/virtual-kubelet"
PAGES: dict[str, Callable[[], str]] = {
    "docs/annotations.md": render_annotations_page,
    "docs/configuration.md": render_configuration_page,
    "docs/pod-support.md": render_support_page,
    "docs/translate.schema.json": render_schema,
    f"{CHART}/values.schema.json": render_values_schema,
    f"{CHART}/files/cluster-rules.yaml": render_cluster_rules,
}


def main(arguments: list[str]) -> int:
    """Write or check all pages; return the exit code."""
    stale = [name for name, render in PAGES.items() if _read(ROOT / name) != render()]
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is out of date: run 'make docs' and commit the result", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote {name}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
