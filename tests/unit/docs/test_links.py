"""Every link between pages leads somewhere, and pages name nothing that readers do not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import PAGES, ROOT, anchors, code_words, links, page

NAMES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES]


@pytest.mark.parametrize("path", NAMES)
def test_links_within_the_repository_resolve(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    broken = []
    for target in links(text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        aim = (path.parent / file).resolve() if file else path
        if not aim.exists() or (anchor and anchor not in anchors(aim.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("path", NAMES)
def test_files_and_folders_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = {word for word in code_words(text) if re.match(r"(src|tests|docs|scripts)/[\w./-]+$", word)}
    not_there_yet = {"tests/integration/"}
    assert [word for word in sorted(named - not_there_yet) if not (ROOT / word).exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    readme = page("README.md")
    reached = {(ROOT / target.partition("#")[0]).resolve() for target in links(readme) if "://" not in target}
    assert [path.name for path in PAGES if path not in reached and path.name != "README.md"] == []
