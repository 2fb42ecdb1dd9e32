"""What of a pod its group was made of: digests of what the pod says, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from scvk.provider.annotations import ANNOTATIONS as ALL_ANNOTATIONS
from scvk.provider.applied import (
    ANNOTATIONS,
    BASELINE_ANNOTATION,
    SETTLED_ANNOTATION,
    Applied,
    Setting,
    applied,
    decoded,
    encoded,
    settings_of,
)
from scvk.provider.ownership import SETTINGS
from scvk.provider.record import Record
from tests.unit.provider.evidence import NAME, a_group, a_pod

IMAGE, PRIORITY, NETWORKING = Setting.IMAGE, Setting.PRIORITY, Setting.NETWORKING


def a_changed_pod(
    key: str = "", value: str = "", container: dict[str, Any] | None = None, spec: dict[str, Any] | None = None
) -> Any:
    return a_pod(annotations={key: value} if key else {}, container=container, spec=spec)


@pytest.mark.parametrize(
    ("pod", "setting"),
    [
        (a_changed_pod(container={"image": "nginx:2"}), Setting.IMAGE),
        (a_changed_pod(container={"resources": {"requests": {"cpu": "2"}}}), Setting.RESOURCES),
        (a_changed_pod(spec={"resources": {"requests": {"cpu": "2"}}}), Setting.RESOURCES),
        (a_changed_pod("salad.com/resize", "restart"), Setting.RESOURCES),
        *((a_changed_pod(each[0].key, "x"), setting) for setting, each in ANNOTATIONS.items()),
    ],
)
def test_a_change_is_of_its_own_setting(pod: Any, setting: Setting) -> None:
    before, after = settings_of(a_pod()), settings_of(pod)
    assert {name for name in Setting if before[name] != after[name]} == {setting}


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(spec={"activeDeadlineSeconds": 60, "tolerations": [{"operator": "Exists"}]}),
        a_pod(annotations={"team": "blue", "scvk.salad.com/attempt": "0", "salad.com/gateway-url": "https://x"}),
        a_pod(spec={"ephemeralContainers": [{"name": "debugger", "image": "busybox"}]}),
    ],
    ids=["deadline-and-tolerations", "other-annotations", "ephemeral-containers"],
)
def test_what_the_group_is_not_made_of_is_no_change(pod: Any) -> None:
    assert settings_of(pod) == settings_of(a_pod())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"salad.com/country-codes": "us,CA"}, {"salad.com/country-codes": " ca, us "}),
        ({"salad.com/container-group-priority": "LOW"}, {"salad.com/container-group-priority": "low"}),
        ({"salad.com/gpu-classes": "RTX 4090"}, {"salad.com/gpu-classes": "rtx 4090 ,"}),
    ],
)
def test_other_words_for_the_same_are_no_change(one: dict[str, str], other: dict[str, str]) -> None:
    assert settings_of(a_pod(annotations=one)) == settings_of(a_pod(annotations=other))


def test_other_words_for_the_same_amount_are_no_change() -> None:
    one, other = ({"resources": {"requests": {"memory": amount}}} for amount in ("1Gi", "1024Mi"))
    assert settings_of(a_pod(container=one)) == settings_of(a_pod(container=other))


def test_an_init_container_that_runs_in_the_group_belongs_to_the_image() -> None:
    record = Record(NAME, 0, ("main", "first")).annotations()
    one, other = (
        settings_of(a_pod(annotations=record, spec={"initContainers": [{"name": "first", "image": image}]}))
        for image in ("nginx", "nginx:2")
    )
    assert {name for name in Setting if one[name] != other[name]} == {Setting.IMAGE}


def test_an_empty_annotation_is_not_an_absent_one() -> None:
    assert settings_of(a_pod(annotations={"salad.com/gpu-classes": ""})) != settings_of(a_pod())


def test_every_annotation_belongs_to_one_setting() -> None:
    keys = [each.key for group in ANNOTATIONS.values() for each in group]
    assert sorted([*keys, "salad.com/resize"]) == sorted(each.key for each in ALL_ANNOTATIONS)


def test_digests_tell_nothing_across_pods_and_are_written_for_good() -> None:
    secret = {"salad.com/logging-axiom-api-token": "t0ken"}
    one, other = (settings_of(a_pod(annotations=secret, uid=uid)) for uid in ("u1", "u2"))
    assert one["logging"] != other["logging"]
    # A changed form would restart everything that an earlier agent made.
    assert encoded(settings_of(a_pod(annotations={"salad.com/country-codes": "us"}))) == EXPECTED
    assert decoded(EXPECTED) == settings_of(a_pod(annotations={"salad.com/country-codes": "us"}))


EXPECTED = (
    "image=iillc4xu,resources=u4ym7yqf,priority=-,countries=deih2fco,gpu-classes=-,image-caching=-,logging=-,"
    "registry-secret=-,networking=-,queue=-,container=-,init-containers=-,termination-message=-"
)


def test_a_setting_that_the_group_does_not_know_is_taken_to_be_there() -> None:
    found = Applied({IMAGE: "a", PRIORITY: "b"}, {IMAGE: "a"})
    assert found.changed == set()
    assert found.with_applied([]) == {IMAGE: "a", PRIORITY: "b"}


def test_what_the_group_shows_goes_before_what_the_pod_notes() -> None:
    pod = a_pod(annotations={BASELINE_ANNOTATION: "image=a,priority=-"})
    assert applied(pod, a_group(environment={SETTINGS: "image=b"})).has == {"image": "b"}
    assert applied(pod, a_group(environment={})).has == {"image": "a", "priority": "-"}
    assert applied(a_pod(), a_group(environment={})).has is None


def test_a_judgement_holds_for_its_value_only_and_goes_with_it() -> None:
    before = Applied({IMAGE: "b", PRIORITY: "x"}, {IMAGE: "a", PRIORITY: "-"})
    assert before.changed == {IMAGE, PRIORITY}
    noted = before.settling({IMAGE: False, PRIORITY: True})
    assert noted == {SETTLED_ANNOTATION: "image=b!,priority=x"}
    pod = a_pod(annotations=noted)
    settled = applied(pod, a_group(environment={SETTINGS: "image=a,priority=-"})).settled
    judged = Applied(before.wanted, before.has, settled)
    assert [*judged.changed, *judged.not_applied, *judged.notes] == [IMAGE]
    again = Applied({IMAGE: "c", PRIORITY: "x"}, before.has, settled)
    assert [*again.changed, again.notes] == [IMAGE, {SETTLED_ANNOTATION: "priority=x"}]
    back = Applied({IMAGE: "a", PRIORITY: "x"}, before.has, settled)
    assert [*back.changed, back.notes] == [{SETTLED_ANNOTATION: "priority=x"}]


@pytest.mark.parametrize("text", ["", ",", "=", "image", "image=", "=a", "!!", "image=a=b,,x"])
def test_notes_that_people_edit_break_nothing(text: str) -> None:
    pod = a_pod(annotations={SETTLED_ANNOTATION: text, BASELINE_ANNOTATION: text})
    found = applied(pod, a_group(environment={}))
    assert isinstance(found.changed, frozenset)
    assert isinstance(found.notes, dict)
