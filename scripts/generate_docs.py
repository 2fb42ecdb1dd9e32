"""Writes the pages of docs/ that are generated from code; with --check only says which ones are out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from scvk.provider.annotations_page import render_annotations_page
from scvk.provider.preview.interface import render_schema
from scvk.provider.translate.support_page import render_support_page
from scvk.settings_page import render_configuration_page

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES: dict[str, Callable[[], str]] = {
    "annotations.md": render_annotations_page,
    "configuration.md": render_configuration_page,
    "pod-support.md": render_support_page,
    "translate.schema.json": render_schema,
}


def main(arguments: list[str]) -> int:
    """Write or check all pages; return the exit code."""
    stale = [name for name, render in PAGES.items() if _read(DOCS / name) != render()]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/{name} is out of date: run 'make docs' and commit the result", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
