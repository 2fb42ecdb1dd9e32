"""Which login of the pull secrets an image gets: the kubelet's rules."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.inputs import SecretContents
from scvk.provider.translate.pull_credentials import (
    Credential,
    UnreadableSecret,
    matching_credentials,
    read_pull_secret,
)
from scvk.registry import parse_reference


def config_json(auths: dict[str, Any], name: str = "login") -> SecretContents:
    content = json.dumps({"auths": auths}).encode()
    return SecretContents(name, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content})


def login(user: str) -> dict[str, str]:
    return {"username": user, "password": "p"}


def users(image: str, *secrets: SecretContents) -> list[str]:
    found, unreadable = matching_credentials(parse_reference(image), secrets)
    assert unreadable == ()
    return [each.username for each in found]


@pytest.mark.parametrize(
    ("key", "image", "fits"),
    [
        ("registry.example.com", "registry.example.com/team/app", True),
        ("https://registry.example.com", "registry.example.com/app", True),
        ("http://registry.example.com/", "registry.example.com/app", True),
        ("https://registry.example.com/v2/", "registry.example.com/app", True),
        ("registry.example.com/team", "registry.example.com/team/app", True),
        ("registry.example.com/team", "registry.example.com/other/app", False),
        ("registry.example.com/team/app", "registry.example.com/team/app:v1", True),
        ("registry.example.com:5000", "registry.example.com:5000/app", True),
        ("registry.example.com:5000", "registry.example.com/app", False),
        ("registry.example.com", "registry.example.com:5000/app", False),
        ("*.example.com", "registry.example.com/app", True),
        ("*.example.com", "a.b.example.com/app", False),
        ("*.*.example.com", "a.b.example.com/app", True),
        ("r*y.example.com", "registry.example.com/app", True),
        ("example.com", "registry.example.com/app", False),
        ("https://index.docker.io/v1/", "nginx", True),
        ("https://index.docker.io/v1/", "docker.io/team/app", True),
        ("index.docker.io", "team/app", True),
        ("docker.io", "team/app", True),
        ("docker.io/team", "team/app", True),
        ("docker.io/team", "other/app", False),
        ("https://index.docker.io/v1/", "ghcr.io/team/app", False),
        ("ghcr.io", "ghcr.io/team/app@sha256:" + "0" * 64, True),
        ("localhost:5000", "localhost:5000/app", True),
    ],
)
def test_a_login_fits_by_host_port_and_path(key: str, image: str, fits: bool) -> None:
    assert users(image, config_json({key: login("u")})) == (["u"] if fits else [])


def test_longer_keys_come_first_and_secrets_in_their_order() -> None:
    first = config_json({"r.example.com": login("host"), "r.example.com/team": login("team")}, "first")
    second = config_json({"r.example.com/team/app": login("app")}, "second")
    assert users("r.example.com/team/app", first, second) == ["team", "host", "app"]


def test_the_hub_is_asked_by_its_own_name_only_where_nothing_else_fits() -> None:
    secret = config_json({"https://index.docker.io/v1/": login("hub"), "docker.io/team": login("team")})
    assert users("team/app", secret) == ["team"]
    assert users("other/app", secret) == ["hub"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": base64.b64encode(b"user:pass:word").decode()}, ("user", "pass:word")),
        ({"auth": base64.b64encode(b"user:pass").decode().rstrip("=")}, ("user", "pass")),
        ({"auth": base64.b64encode(b"a:b").decode(), "username": "x", "password": "y"}, ("a", "b")),
        ({"username": "x", "password": "y", "email": "z"}, ("x", "y")),
    ],
)
def test_auth_goes_before_username_and_password(entry: dict[str, str], expected: tuple[str, str]) -> None:
    logins = read_pull_secret(config_json({"r.example.com": entry}))
    assert logins == {"r.example.com": Credential(*expected, "login")}


def test_the_old_form_without_auths_is_read() -> None:
    content = json.dumps({"r.example.com": login("old")}).encode()
    secret = SecretContents("login", "kubernetes.io/dockercfg", {".dockercfg": content})
    assert users("r.example.com/app", secret) == ["old"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("Opaque", {".dockerconfigjson": b"{}"}),
        ("kubernetes.io/dockerconfigjson", {}),
        ("kubernetes.io/dockerconfigjson", {".dockercfg": b"{}"}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b"s3cret"}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": ["s3cret"]}'}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": {"r": {"auth": "s3cret!"}}}'}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": {"r": {"auth": "czNjcmV0"}}}'}),
        ("kubernetes.io/dockercfg", {".dockercfg": b"[]"}),
    ],
)
def test_a_secret_that_holds_no_logins_is_named_and_not_quoted(kind: str, data: dict[str, bytes]) -> None:
    found = read_pull_secret(SecretContents("login", kind, data))
    assert isinstance(found, UnreadableSecret)
    assert "s3cret" not in found.why


@given(st.binary(max_size=60))
def test_any_content_is_read_or_said_to_be_unreadable(content: bytes) -> None:
    read_pull_secret(SecretContents("login", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content}))


@given(st.text(max_size=20))
def test_any_key_fits_or_does_not(key: str) -> None:
    matching_credentials(parse_reference("nginx"), [config_json({key: login("u")})])


def test_a_login_is_not_shown() -> None:
    assert "s3cret" not in repr(Credential("s3cret", "s3cret", "login"))
