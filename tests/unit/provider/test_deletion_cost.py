"""The cost of a pod's deletion, as SaladCloud takes it."""

from __future__ import annotations

import pytest

from scvk.provider.deletion_cost import DELETION_COST, deletion_cost_of
from tests.unit.provider.evidence import a_pod


@pytest.mark.parametrize(
    ("written", "cost"),
    [
        ("0", 0),
        ("7", 7),
        ("100000", 100_000),
        ("100001", 100_000),
        ("2147483647", 100_000),
        ("-5", 0),
        ("-2147483648", 0),
        ("+5", None),
        ("007", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("99999999999", None),
    ],
)
def test_a_cost_is_kept_within_the_range_of_saladcloud_and_what_is_no_number_is_none(
    written: str, cost: int | None
) -> None:
    assert deletion_cost_of(a_pod(annotations={DELETION_COST: written})) == cost


def test_a_pod_without_the_annotation_has_no_cost() -> None:
    assert deletion_cost_of(a_pod()) is None
