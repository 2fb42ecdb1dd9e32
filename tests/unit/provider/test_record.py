"""The record on a pod: written as annotations, read back, and not believed where it cannot be ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.ownership import LEGACY_ATTEMPT
from scvk.provider.record import ATTEMPT_ANNOTATION, GROUP_ANNOTATION, Record, record_of


@given(st.text(min_size=1), st.integers(0, 9999), st.lists(st.from_regex("[a-z0-9-]+", fullmatch=True)).map(tuple))
def test_what_is_written_is_read_back(group: str, attempt: int, runs: tuple[str, ...]) -> None:
    assert record_of(Record(group, attempt, runs).annotations()) == Record(group, attempt, runs)


@pytest.mark.parametrize(
    "annotations",
    [
        pytest.param({}, id="none"),
        pytest.param({GROUP_ANNOTATION: "web"}, id="no-attempt"),
        pytest.param({ATTEMPT_ANNOTATION: "0"}, id="no-group"),
        pytest.param({GROUP_ANNOTATION: "", ATTEMPT_ANNOTATION: "0"}, id="empty-group"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "-1"}, id="negative"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "Legacy"}, id="nearly-legacy"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "1.5"}, id="fraction"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "²"}, id="digit-that-is-no-number"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "٣"}, id="another-script"),
        pytest.param({GROUP_ANNOTATION: "web", ATTEMPT_ANNOTATION: "9" * 5000}, id="endless"),
    ],
)
def test_what_cannot_be_ours_is_no_record(annotations: dict[str, str]) -> None:
    assert record_of(annotations) is None


def test_an_adopted_group_is_recorded_in_words() -> None:
    record = Record("shop-web", LEGACY_ATTEMPT, ("main",))
    assert record.annotations()[ATTEMPT_ANNOTATION] == "legacy"
    assert record_of(record.annotations()) == record


@given(st.dictionaries(st.sampled_from([GROUP_ANNOTATION, ATTEMPT_ANNOTATION, "other"]), st.text()))
def test_any_annotations_are_survived(annotations: dict[str, str]) -> None:
    record_of(annotations)
