"""Options of the agent: what is right, and one clear message for what is wrong."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.node import Taint
from scvk.settings import (
    DEFAULT_API_URL,
    LOG_LEVELS,
    PROVIDER_TAINT,
    AgentSettings,
    SettingsError,
    checked,
    checked_saladcloud,
    log_level,
    node_name,
)

KEY = "salad_cloud_user_secret0123456789"
RIGHT: dict[str, Any] = {
    "sce_api_key": KEY,
    "sce_organization_name": "acme-corp",
    "sce_project_name": "default",
}


def settings(**given: Any) -> AgentSettings:
    return AgentSettings(**{**RIGHT, **given})


def test_the_least_that_must_be_given_is_enough() -> None:
    chosen = checked(settings())
    assert chosen.node_name == "saladcloud-acme-corp-default"
    assert chosen.taints == (PROVIDER_TAINT,)
    assert chosen.labels == {}
    assert chosen.saladcloud.api_key == KEY
    assert (chosen.saladcloud.organization, chosen.saladcloud.project) == ("acme-corp", "default")
    assert chosen.saladcloud.api_url == DEFAULT_API_URL


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"sce_organization_name": ""}, r"--sce-organization-name is required .*SALAD_CLOUD_ORG", id="org"),
        pytest.param({"sce_project_name": ""}, r"--sce-project-name is required .*SALAD_CLOUD_PROJECT", id="project"),
        pytest.param(
            {"sce_organization_name": "Acme Corp"},
            r"'Acme Corp' is no name of SaladCloud.* not the display name",
            id="display name",
        ),
        pytest.param({"sce_project_name": "a"}, "'a' is no name of SaladCloud", id="name too short"),
        pytest.param(
            {"sce_api_key": "", "sce_organization_name": "", "sce_project_name": ""},
            "set SALAD_CLOUD_API_KEY .*, SALAD_CLOUD_ORGANIZATION_NAME .*, SALAD_CLOUD_PROJECT_NAME",
            id="nothing at all",
        ),
        pytest.param({"sce_project_name": "default/../x"}, "is no name of SaladCloud", id="name with path"),
        pytest.param({"sce_project_name": "default\n"}, "is no name of SaladCloud", id="name with line break"),
        pytest.param(
            {"sce_api_key": ""}, r"no API key: set SALAD_CLOUD_API_KEY, or SALAD_CLOUD_API_KEY_FILE", id="key"
        ),
        pytest.param({"sce_api_key": "a b"}, "the API key has characters", id="key with a space"),
        pytest.param({"sce_api_key": "a\nb"}, "the API key has characters", id="key with a line break"),
        pytest.param({"sce_api_key": "schlüssel"}, "the API key has characters", id="key beyond ascii"),
        pytest.param(
            {"sce_api_key": "", "sce_api_key_file": "/does/not/exist"},
            r"--sce-api-key-file: /does/not/exist cannot be read \(No such file or directory\)",
            id="no key file",
        ),
        pytest.param(
            {"sce_api_key": "", "sce_api_key_file": "/"}, r"/ cannot be read \(Is a directory\)", id="directory"
        ),
        pytest.param({"nodename": "Salad"}, r"--nodename: 'Salad' is no node name", id="upper-case node"),
        pytest.param({"nodename": "a" * 64}, "at most 63", id="long node"),
        pytest.param({"nodename": "-a"}, "is no node name", id="node with hyphen first"),
        pytest.param({"nodename": "a..b"}, "is no node name", id="node with two dots"),
        pytest.param({"taint": ("a=b",)}, "--taint: 'a=b' is not KEY=VALUE:EFFECT", id="taint without effect"),
        pytest.param({"taint": ("a=b:Never",)}, "with an effect of NoSchedule, Prefer", id="taint's effect"),
        pytest.param({"taint": ("=b:NoSchedule",)}, "--taint: '=b:NoSchedule'", id="taint without key"),
        pytest.param({"taint": ("a=b c:NoSchedule",)}, "--taint: 'a=b c:NoSchedule'", id="taint's value"),
        pytest.param({"taint": ("/a=b:NoSchedule",)}, "--taint:", id="taint's empty prefix"),
        pytest.param(
            {"taint": ("a=b:NoSchedule", "a=c:NoSchedule")},
            "a=b:NoSchedule and a=c:NoSchedule cannot both be",
            id="two values of a taint",
        ),
        pytest.param(
            {"taint": ("virtual-kubelet.io/provider=x:NoSchedule",)}, "cannot both be.*--disable-taint", id="our taint"
        ),
        pytest.param({"node_label": ("a",)}, "--node-label: 'a' is not KEY=VALUE", id="label without value"),
        pytest.param({"node_label": ("a=b/c",)}, "--node-label: 'a=b/c'", id="label's value"),
        pytest.param({"node_label": ("a=" + "b" * 64,)}, "--node-label", id="label's long value"),
        pytest.param({"node_label": ("A/b=c",)}, "--node-label: 'A/b=c'", id="label's prefix"),
        pytest.param({"node_label": ("type=mine",)}, "--node-label: type cannot be chosen", id="label type"),
        pytest.param(
            {"node_label": ("kubernetes.io/hostname=x",)}, "kubernetes.io/hostname cannot be chosen", id="hostname"
        ),
        pytest.param({"kubelet_address": "host.test"}, "--kubelet-address: 'host.test' is no IP address", id="address"),
        pytest.param({"kubelet_address": "0.0.0.0"}, "--kubelet-address: 0.0.0.0 is no address", id="any IPv4 address"),
        pytest.param({"kubelet_address": "::"}, "--kubelet-address: :: is no address", id="any IPv6 address"),
        pytest.param({"kubelet_address": "fe80::1%eth0"}, "--kubelet-address: fe80::1%eth0 is no", id="with a zone"),
        pytest.param({"log_level": "loud"}, "--log-level: 'loud' is none of trace, debug", id="level"),
        *(
            pytest.param({"api_url": url}, "--api-url: .* is no http or https URL such as https://api.salad", id=url)
            for url in (
                "",
                "api.salad.com",
                "ftp://api.salad.com",
                "https://",
                "https://api.salad.com:99999",
                "https://api.salad.com:0",
                "https://api.salad.com:http",
                "https://[::1",
                "https://api salad.com",
                "https://api.salad.com/\n",
            )
        ),
        *(
            pytest.param({"api_url": url}, "--api-url: it can have no user, password, query or fragment", id=url)
            for url in (
                "https://user:secret@api.salad.com",
                "https://:secret@api.salad.com",
                "https://api.salad.com?x=1",
                "https://api.salad.com#x",
            )
        ),
    ],
)
def test_each_wrong_option_is_one_clear_message(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        checked(settings(**wrong))
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.salad.com/api/public/", "https://api.salad.com/api/public"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_a_url_is_kept_without_its_last_slash(url: str, kept: str) -> None:
    assert checked(settings(api_url=url)).saladcloud.api_url == kept


# -- the node's name -------------------------------------------------------------------------------------------------

names = st.from_regex(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", fullmatch=True)


@given(names, names)
def test_the_default_node_name_is_valid_and_stable(organization: str, project: str) -> None:
    name = node_name("", organization, project)
    assert name == node_name("", organization, project)
    assert node_name(name, "x", "y") == name, "what is a default may also be given"
    assert len(name) <= 63


def test_a_default_node_name_beyond_63_characters_is_cut_with_a_hash_of_the_whole() -> None:
    long = "o" * 40
    one, other = node_name("", long, "project-number-one"), node_name("", long, "project-number-two")
    assert one == "saladcloud-" + long + "--"[:1] + one[52:]
    assert re.fullmatch(r"saladcloud-o{40}-[0-9a-f]{10}", one)
    assert one != other


def test_a_given_node_name_is_taken_as_it_is() -> None:
    assert checked(settings(nodename="gpu.lab-1")).node_name == "gpu.lab-1"


# -- taints and labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_taints", "taints"),
    [
        pytest.param(("a=b:NoExecute",), [Taint("a", "b", "NoExecute")], id="with value"),
        pytest.param(("a:NoSchedule",), [Taint("a", "", "NoSchedule")], id="without value"),
        pytest.param(
            ("example.com/a=b:PreferNoSchedule",), [Taint("example.com/a", "b", "PreferNoSchedule")], id="prefix"
        ),
        pytest.param(
            ("a=1:NoSchedule, b=2:NoSchedule,",),
            [Taint("a", "1", "NoSchedule"), Taint("b", "2", "NoSchedule")],
            id="commas, as in the variable",
        ),
        pytest.param(("a=1:NoSchedule", "a=1:NoSchedule"), [Taint("a", "1", "NoSchedule")], id="twice the same"),
        pytest.param(
            ("a=1:NoSchedule", "a=2:NoExecute"),
            [Taint("a", "1", "NoSchedule"), Taint("a", "2", "NoExecute")],
            id="two effects",
        ),
        pytest.param(("virtual-kubelet.io/provider=saladcloud:NoSchedule",), [], id="ours given again"),
    ],
)
def test_further_taints_come_after_the_providers(given_taints: tuple[str, ...], taints: list[Taint]) -> None:
    assert checked(settings(taint=given_taints)).taints == (PROVIDER_TAINT, *taints)


def test_the_providers_taint_can_be_left_out() -> None:
    assert checked(settings(disable_taint=True)).taints == ()
    other = "virtual-kubelet.io/provider=x:NoSchedule"
    assert [str(taint) for taint in checked(settings(disable_taint=True, taint=(other,))).taints] == [other]


def test_labels_may_be_repeated_or_stand_with_commas() -> None:
    chosen = checked(settings(node_label=("a=1,example.com/b=", " c=3 ")))
    assert chosen.labels == {"a": "1", "example.com/b": "", "c": "3"}


# -- the API key -----------------------------------------------------------------------------------------------------


def test_the_key_is_read_from_a_file_without_the_white_space_around_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"  {KEY}\n")
    chosen = checked(settings(sce_api_key="", sce_api_key_file=str(file)))
    assert chosen.saladcloud.api_key == KEY


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe", b"two keys"], ids=["empty", "blank", "binary", "two"])
def test_a_file_that_holds_no_key_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"API key|it is no text"):
        checked(settings(sce_api_key="", sce_api_key_file=str(file)))


def test_a_given_key_counts_before_the_file() -> None:
    chosen = checked(settings(sce_api_key_file="/does/not/exist"))
    assert chosen.saladcloud.api_key == KEY


def test_the_key_is_shown_nowhere() -> None:
    given_settings = settings()
    chosen = checked(given_settings)
    for shown in (given_settings, chosen, chosen.saladcloud):
        assert KEY not in repr(shown)
        assert KEY not in str(shown)
        assert KEY not in f"{shown}"


# -- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "level"), LOG_LEVELS.items())
def test_the_go_programs_log_levels_are_understood(word: str, level: str) -> None:
    assert log_level(settings(log_level=word.upper())) == level


def test_commands_that_need_no_project_do_not_ask_for_one() -> None:
    assert checked_saladcloud(settings(sce_project_name=""), needs_project=False).project == ""
    with pytest.raises(SettingsError):
        checked_saladcloud(settings(sce_project_name="No"), needs_project=False)


def test_settings_can_be_constructed_without_anything() -> None:
    assert {field.name for field in fields(AgentSettings)} >= set(RIGHT)
    assert AgentSettings().nodename == ""
