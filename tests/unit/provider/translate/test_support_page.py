"""The page on pods has every field of the Kubernetes models, once, with what becomes of it."""

from __future__ import annotations

import re

import pytest

from scvk.provider.translate.fields import Row, Treatment
from scvk.provider.translate.support_page import SECTIONS, render_support_page
from tests.unit.provider.translate.test_fields import TABLES

PAGE = render_support_page()


@pytest.mark.parametrize(("model", "rows"), TABLES, ids=lambda part: getattr(part, "__name__", ""))
def test_each_table_has_a_section(model: type, rows: tuple[Row, ...]) -> None:
    assert [section.rows for section in SECTIONS].count(rows) == 1


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_a_section_has_a_line_for_every_field(section: object) -> None:
    rows: tuple[Row, ...] = section.rows  # type: ignore[attr-defined]
    title: str = section.title  # type: ignore[attr-defined]
    text = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", text, re.MULTILINE))
    assert set(lines) == {row.field for row in rows}
    for row in rows:
        if row.treatment is Treatment.REFUSED:
            assert row.reason_code in lines[row.field]


def test_the_page_says_what_kubernetes_it_is_of() -> None:
    assert re.search(r"a pod of Kubernetes 1\.\d+,", PAGE)
