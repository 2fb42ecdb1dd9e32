"""Which registry, repository, tag and digest a reference means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.registry import InvalidReference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "selector"),
    [
        ("busybox", "docker.io", "library/busybox", "latest"),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36"),
        ("library/busybox", "docker.io", "library/busybox", "latest"),
        ("index.docker.io/busybox", "docker.io", "library/busybox", "latest"),
        ("docker.io/owner/app:v1", "docker.io", "owner/app", "v1"),
        ("owner/app", "docker.io", "owner/app", "latest"),
        ("ghcr.io/owner/team/app:v1.2_3-4", "ghcr.io", "owner/team/app", "v1.2_3-4"),
        ("localhost/app", "localhost", "app", "latest"),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1"),
        ("registry:5000/app", "registry:5000", "app", "latest"),
        ("[::1]:5000/app:v1", "[::1]:5000", "app", "v1"),
        ("Registry.Example.COM/app", "registry.example.com", "app", "latest"),
        ("Registry/app", "Registry", "app", "latest"),
        (f"app@{DIGEST}", "docker.io", "library/app", DIGEST),
        (f"localhost:5000/app:v1@{DIGEST}", "localhost:5000", "app", DIGEST),
        ("localhost:5000", "docker.io", "library/localhost", "5000"),
    ],
)
def test_references(text: str, registry: str, repository: str, selector: str) -> None:
    reference = parse_reference(text)
    assert (reference.registry, reference.repository, reference.selector) == (registry, repository, selector)
    assert parse_reference(str(reference)) == reference


def test_docker_hubs_api_has_a_host_of_its_own() -> None:
    assert parse_reference("busybox").api_host == "registry-1.docker.io"
    assert parse_reference("localhost:5000/app").api_host == "localhost:5000"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no name"),
        ("https://ghcr.io/owner/app", "scheme"),
        ("Busybox", "no part of a name"),
        ("app:", "tag"),
        ("app:-v1", "tag"),
        ("app:" + "v" * 129, "tag"),
        ("app@sha256:0123", "digest"),
        ("app@md5:" + "0" * 32, "digest"),
        ("a//b", "no part of a name"),
        ("a/../b", "no part of a name"),
        ("a b", "no part of a name"),
        ("ghcr.io/", "no name"),
        ("host:99999/app", "no host"),
        ("ho_st.example/app", "no host"),
        ("user@host.example/app", "digest"),
        ("a" * 256, "longer"),
        ("0123456789abcdef" * 4, "id"),
        ("a\n", "no part of a name"),
    ],
)
def test_what_is_no_reference(text: str, why: str) -> None:
    with pytest.raises(InvalidReference, match=why) as caught:
        parse_reference(text)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet=st.sampled_from(list("ab.:/@-_[]A0\n é")), max_size=40))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return
    assert parse_reference(str(reference)) == reference
    assert not set(reference.repository) & set("\n :@")
