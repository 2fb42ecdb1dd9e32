"""The list of annotations, and the page that is generated from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scvk.provider.annotations import ANNOTATIONS, nearest_key, unknown_keys
from scvk.provider.annotations_page import render_annotations_page

PAGE = Path(__file__).parents[3] / "docs" / "annotations.md"


def test_the_page_is_generated() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_annotations_page()


def test_the_page_names_every_annotation_with_its_values_meaning_and_default() -> None:
    page = render_annotations_page()
    for annotation in ANNOTATIONS:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{annotation.key}` |"))
        assert [cell.strip() for cell in row.strip("|").split("|")][1:] == [
            annotation.values,
            annotation.meaning,
            annotation.default,
        ]


def test_keys_are_distinct() -> None:
    assert len({annotation.key for annotation in ANNOTATIONS}) == len(ANNOTATIONS)


def test_only_settings_of_ours_can_be_unknown() -> None:
    keys = ["salad.com/gpu-classes", "salad.com/gpu-class", "scvk.salad.com/record", "example.com/x", "salad.com/"]
    assert unknown_keys(keys) == ("salad.com/gpu-class", "salad.com/")


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("salad.com/gpu-class", "salad.com/gpu-classes"),
        ("salad.com/GPU-Classes", "salad.com/gpu-classes"),
        ("salad.com/country-code", "salad.com/country-codes"),
        ("salad.com/priority", "salad.com/container-group-priority"),
        ("salad.com/auth", "salad.com/networking-auth"),
        ("salad.com/newrelic-ingestion-key", "salad.com/logging-new-relic-ingestion-key"),
        ("salad.com/port", None),
        ("salad.com/networking-ports", "salad.com/networking-port"),
        ("salad.com/banana", None),
    ],
)
def test_typos_are_answered_with_what_was_meant(typo: str, meant: str | None) -> None:
    assert nearest_key(typo) == meant
