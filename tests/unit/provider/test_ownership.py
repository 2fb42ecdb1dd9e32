"""A group is ours only by its marks and its name together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider import ownership
from scvk.provider.ownership import NotOurs, Owned, PodMark, Unknown, cluster_id, group_name, mark_of
from scvk.saladcloud.models import Container, ContainerGroup, violations

MARK = PodMark("c1", "shop", "web-5d4f", "b2f1c9e0-6f0c-4b43-9a26-3a1f0f8e8d11", 1, "node-a")


def group(name: str, environment: Mapping[str, str] | None) -> ContainerGroup:
    return ContainerGroup(id="1", name=name, container=Container(environment_variables=environment))


label = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
subdomain = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True)
marks = st.builds(PodMark, st.uuids().map(str), label, subdomain, st.uuids().map(str), st.integers(0, 99), label)


@given(marks)
def test_every_pod_has_a_name_that_saladcloud_takes(mark: PodMark) -> None:
    assert violations("ContainerGroupName", group_name(mark)) == []


@given(marks)
def test_what_is_written_on_a_group_is_read_back(mark: PodMark) -> None:
    written = group(group_name(mark), {"OTHER": "x", **ownership.environment(mark)})
    assert mark_of(written, cluster_id=mark.cluster_id) == Owned(mark)


@pytest.mark.parametrize(
    ("namespace", "name", "readable"),
    [
        ("shop", "web-5d4f", "shop-web-5d4f"),
        ("shop", "web.example", "shop-web-example"),
        ("42", "web", "k8s-42-web"),
        ("n" * 63, "web", "n" * 50),
        ("shop", "w" * 44 + "-x", "shop-" + "w" * 44),
    ],
)
def test_the_name_is_readable_and_cut_to_fit(namespace: str, name: str, readable: str) -> None:
    found = group_name(replace(MARK, namespace=namespace, name=name))
    assert re.fullmatch(re.escape(readable) + "-[a-z2-7]{12}", found)


@pytest.mark.parametrize(
    ("change", "same_name"),
    [
        ({"cluster_id": "c2"}, False),
        ({"uid": "another"}, False),
        ({"attempt": 2}, False),
        ({"node": "node-b"}, True),
    ],
)
def test_the_name_depends_on_cluster_uid_and_attempt_alone(change: dict[str, str], same_name: bool) -> None:
    assert (group_name(MARK) == group_name(replace(MARK, **change))) is same_name  # type: ignore[arg-type]


def test_a_name_never_changes_between_versions() -> None:
    # Groups that run under names of an earlier version would otherwise be nobody's.
    assert group_name(MARK) == "shop-web-5d4f-qi56ii7s3jfi"


def test_an_environment_that_is_not_shown_says_nothing() -> None:
    assert mark_of(group(group_name(MARK), None), cluster_id="c1") == Unknown()


@pytest.mark.parametrize("missing", sorted(ownership.environment(MARK)))
def test_a_group_without_all_marks_is_not_ours(missing: str) -> None:
    environment = {name: value for name, value in ownership.environment(MARK).items() if name != missing}
    assert isinstance(mark_of(group(group_name(MARK), environment), cluster_id="c1"), NotOurs)


@pytest.mark.parametrize("attempt", ["", "x", "-1", "01", "1.0", "\u0661", "9" * 10])
def test_an_attempt_that_is_no_number_is_not_ours(attempt: str) -> None:
    environment = {**ownership.environment(MARK), ownership.ATTEMPT: attempt}
    assert isinstance(mark_of(group(group_name(MARK), environment), cluster_id="c1"), NotOurs)


def test_copied_marks_on_a_group_of_another_name_are_not_ours() -> None:
    assert isinstance(mark_of(group("my-own-group", ownership.environment(MARK)), cluster_id="c1"), NotOurs)


def test_a_group_of_another_cluster_is_not_ours() -> None:
    written = group(group_name(MARK), ownership.environment(MARK))
    assert isinstance(mark_of(written, cluster_id="c2"), NotOurs)


def test_a_pod_may_set_neither_the_marks_nor_its_settings_nor_those_of_the_go_program() -> None:
    assert {*ownership.environment(MARK), "SCVK_SETTINGS", "POD_METADATA_YAML"} == ownership.RESERVED_NAMES


def test_the_cluster_id_is_the_uid_of_kube_system_and_what_an_operator_adds() -> None:
    assert cluster_id("uid") == "uid"
    assert cluster_id("uid", "copy") == "uid/copy"
