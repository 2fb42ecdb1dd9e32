"""Options that say how pods are translated: what is right, and one clear message for what is wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest

from scvk.provider.translate.policy import DEFAULT_POLICY, Policy, ResourceSteps
from scvk.settings_error import SettingsError
from scvk.translation_settings import TranslationSettings, checked_policy


def test_without_options_the_default_policy_holds() -> None:
    assert checked_policy(TranslationSettings()) == DEFAULT_POLICY


@pytest.mark.parametrize("written", ["", ",", " , "])
def test_injected_containers_are_left_out_by_name_or_not_at_all(written: str) -> None:
    assert "istio-proxy" in checked_policy(TranslationSettings()).ignored_containers
    assert checked_policy(TranslationSettings(ignore_containers=(written,))).ignored_containers == ()


def test_every_option_has_its_place_in_the_policy() -> None:
    settings = TranslationSettings(
        ignore_containers=("istio-proxy", "linkerd-*, vault-agent ,"),
        daemonsets="run",
        default_gpu_classes=("RTX 4090 (24 GB), rtx3090",),
        resource_steps="legacy",
        wrapper_limit="256Ki",
        strict=True,
    )
    assert checked_policy(settings, kubernetes_version="v1.34.4+k3s1") == Policy(
        ignored_containers=("istio-proxy", "linkerd-*", "vault-agent"),
        run_daemonsets=True,
        default_gpu_classes=("RTX 4090 (24 GB)", "rtx3090"),
        resource_steps=ResourceSteps.LEGACY,
        wrapper_limit_bytes=256 * 1024,
        strict=True,
        kubernetes_version=("1", "34"),
    )


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ("0", 0),
        ("1000", 1000),
        ("64k", 64_000),
        ("64Ki", 65_536),
        (" 64KiB ", 65_536),
        ("1Mi", 2**20),
        ("0.5Mi", 2**19),
    ],
)
def test_the_wrappers_limit_is_a_quantity_of_bytes(written: str, limit: int) -> None:
    assert checked_policy(TranslationSettings(wrapper_limit=written)).wrapper_limit_bytes == limit


@pytest.mark.parametrize("version", ["", "unknown", "v1"])
def test_a_version_that_cannot_be_read_leaves_the_default(version: str) -> None:
    policy = checked_policy(TranslationSettings(), kubernetes_version=version)
    assert policy.kubernetes_version == DEFAULT_POLICY.kubernetes_version


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ignore_containers": ("Istio",)}, "--ignore-containers: 'Istio' is no name of a container"),
        ({"ignore_containers": ("a/b",)}, "--ignore-containers: 'a/b'"),
        ({"wrapper_limit": ""}, "--wrapper-limit: '' is no number of bytes"),
        ({"wrapper_limit": "much"}, "--wrapper-limit: 'much' is no number of bytes"),
        ({"wrapper_limit": "-1"}, "--wrapper-limit"),
        ({"wrapper_limit": "1025Ki"}, "up to 1Mi"),
    ],
)
def test_each_wrong_option_is_one_clear_message(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        checked_policy(TranslationSettings(**wrong))
