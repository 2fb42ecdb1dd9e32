"""The login that SaladCloud gets for the image, and those that we may use ourselves."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from lightkube.models.core_v1 import PodSpec

from scvk.kubelet.inputs import PodInputs, SecretContents
from scvk.provider.translate.finding import Finding, Outcome, Report
from scvk.provider.translate.registry_login import RegistryLogin, registry_login_of
from scvk.provider.translate.settings import Settings
from scvk.registry import Login, parse_reference
from scvk.saladcloud.models import body_of

KEY = '{\n "type": "service_account"\n}'
ANNOTATION = "salad.com/registry-secret"


def pull_secret(auths: dict[str, Any], name: str = "login") -> SecretContents:
    content = json.dumps({"auths": auths}).encode()
    return SecretContents(name, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content})


def login_of(
    image: str,
    *secrets: SecretContents,
    names: tuple[str, ...] | None = None,
    named: SecretContents | None = None,
    by_namespace: bool = False,
) -> tuple[RegistryLogin, tuple[Finding, ...]]:
    wanted = names if names is not None else tuple(secret.name for secret in secrets)
    spec = msgspec.convert({"containers": [], "imagePullSecrets": [{"name": name} for name in wanted]}, PodSpec)
    report = Report()
    settings = Settings({ANNOTATION: named.name} if named else {}, report, own=() if by_namespace else None)
    inputs = PodInputs(pull_secrets=secrets, secrets={named.name: named} if named else {})
    found = registry_login_of(spec, parse_reference(image), inputs, settings, report)
    assert "s3cret" not in repr(found) + repr(report.findings)
    return found, report.findings


def entry(user: str = "user", password: str = "s3cret") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("image", "host", "user", "password", "expected"),
    [
        ("r.example.com/app", "r.example.com", "user", "s3cret", {"basic": {"username": "user", "password": "s3cret"}}),
        (
            "team/app",
            "https://index.docker.io/v1/",
            "user",
            "s3cret",
            {"docker_hub": {"username": "user", "personal_access_token": "s3cret"}},
        ),
        ("gcr.io/p/app", "gcr.io", "_json_key", KEY, {"gcp_gcr": {"service_key": KEY}}),
        ("eu.gcr.io/p/app", "https://eu.gcr.io", "_json_key", KEY, {"gcp_gcr": {"service_key": KEY}}),
        (
            "europe-docker.pkg.dev/p/r/app",
            "europe-docker.pkg.dev",
            "_json_key_base64",
            base64.b64encode(KEY.encode()).decode(),
            {"gcp_gar": {"service_key": KEY}},
        ),
        (
            "1.dkr.ecr.eu-west-1.amazonaws.com/app",
            "*.dkr.ecr.*.amazonaws.com",
            "AWS",
            "s3cret",
            {"basic": {"username": "AWS", "password": "s3cret"}},
        ),
    ],
)
def test_a_pull_secret_that_fits_becomes_the_login(
    image: str, host: str, user: str, password: str, expected: dict[str, Any]
) -> None:
    found, findings = login_of(image, pull_secret({host: entry(user, password)}))
    assert findings == ()
    assert found.authentication is not None
    assert body_of(found.authentication) == expected
    assert found.logins == (Login(user, password),)


def test_a_pod_without_pull_secrets_has_no_login_and_nothing_is_said() -> None:
    assert login_of("nginx") == (RegistryLogin(), ())


def test_where_none_fits_the_image_is_pulled_without_and_that_is_told() -> None:
    found, findings = login_of("nginx", pull_secret({"ghcr.io": entry()}))
    assert found == RegistryLogin()
    assert [(each.outcome, each.path, each.reason_code) for each in findings] == [
        (Outcome.DEGRADED, "spec.imagePullSecrets", "NoMatchingImagePullSecret")
    ]
    assert "docker.io/library/nginx" in findings[0].reason


def test_a_pull_secret_that_is_not_there_is_the_kubelets_to_tell() -> None:
    found, findings = login_of("ghcr.io/app", pull_secret({"ghcr.io": entry()}), names=("gone", "login"))
    assert found.authentication is not None
    assert findings == ()


def test_a_name_that_no_secret_has_is_refused() -> None:
    _, findings = login_of("ghcr.io/app", named=SecretContents("../other/secret", "Opaque", {}))
    assert [(each.outcome, each.path) for each in findings] == [
        (Outcome.REFUSED, f"metadata.annotations[{ANNOTATION}]")
    ]


def test_a_pull_secret_that_cannot_be_read_is_named_and_the_next_one_counts() -> None:
    broken = SecretContents("broken", "Opaque", {"a": b"s3cret"})
    found, findings = login_of("ghcr.io/app", broken, pull_secret({"ghcr.io": entry()}))
    assert found.authentication is not None
    assert [each.path for each in findings] == ["spec.imagePullSecrets[0]"]
    assert "broken" in findings[0].reason


def test_of_several_that_fit_the_first_goes_to_saladcloud_and_all_may_be_tried() -> None:
    secrets = [pull_secret({"ghcr.io": entry(user)}, user) for user in ("one", "two", "one")]
    found, findings = login_of("ghcr.io/app", *secrets[:2])
    assert found.authentication is not None
    assert found.authentication.basic is not None
    assert found.authentication.basic.username == "one"
    assert [login.username for login in found.logins] == ["one", "two"]
    assert [each.outcome for each in findings] == [Outcome.IGNORED]


def test_a_login_that_saladcloud_does_not_take_is_refused() -> None:
    _, findings = login_of("ghcr.io/app", pull_secret({"ghcr.io": entry(password="s3cret\nmore")}))
    assert [(each.outcome, each.path) for each in findings] == [(Outcome.REFUSED, "spec.imagePullSecrets[0]")]
    assert "password has a line break" in findings[0].reason


@pytest.mark.parametrize(
    ("image", "data", "expected"),
    [
        (
            "1.dkr.ecr.eu-west-1.amazonaws.com/app",
            {"access_key_id": b"AKIA", "secret_access_key": b"s3cret\n"},
            {"aws_ecr": {"access_key_id": "AKIA", "secret_access_key": "s3cret"}},
        ),
        (
            "1.dkr.ecr.eu-west-1.amazonaws.com/app",
            {"AWS_ACCESS_KEY_ID": b"AKIA", "AWS_SECRET_ACCESS_KEY": b"s3cret"},
            {"aws_ecr": {"access_key_id": "AKIA", "secret_access_key": "s3cret"}},
        ),
        ("gcr.io/p/app", {"service_key": KEY.encode()}, {"gcp_gcr": {"service_key": KEY}}),
        ("us-docker.pkg.dev/p/r/a", {"service-key": KEY.encode()}, {"gcp_gar": {"service_key": KEY}}),
        (
            "r.example.com/app",
            {"username": b"u", "password": b"s3cret"},
            {"basic": {"username": "u", "password": "s3cret"}},
        ),
    ],
)
def test_the_secret_of_the_annotation_says_by_its_keys_what_it_is(
    image: str, data: dict[str, bytes], expected: dict[str, Any]
) -> None:
    other = pull_secret({"https://" + image.partition("/")[0]: entry()})
    found, findings = login_of(image, other, named=SecretContents("cloud", "Opaque", data))
    assert findings == ()
    assert found.authentication is not None
    assert body_of(found.authentication) == expected


@pytest.mark.parametrize("data", [{}, {"access_key_id": b"s3cret"}, {"username": b"\xff", "password": b"s3cret"}])
def test_a_secret_of_the_annotation_without_a_login_is_refused(data: dict[str, bytes]) -> None:
    _, findings = login_of("r.example.com/app", named=SecretContents("cloud", "Opaque", data))
    assert [(each.outcome, each.path) for each in findings] == [
        (Outcome.REFUSED, f"metadata.annotations[{ANNOTATION}]")
    ]


AWS = {"access_key_id": b"AK", "secret_access_key": b"s3cret"}
GOOGLE = {"service_key": KEY.encode()}
PLAIN = {"username": b"user", "password": b"s3cret"}
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app"


@pytest.mark.parametrize(
    ("keys", "image", "used"),
    [
        (AWS, ECR, True),
        (AWS, "nginx", False),
        (GOOGLE, "europe-docker.pkg.dev/p/r/app", True),
        (GOOGLE, "eu.gcr.io/p/app", True),
        (GOOGLE, ECR, False),
        (PLAIN, "nginx", True),
    ],
)
def test_keys_of_a_cloud_are_as_a_namespaces_default_for_its_own_registries(
    keys: dict[str, bytes], image: str, used: bool
) -> None:
    named = SecretContents("keys", "Opaque", keys)
    found, findings = login_of(image, named=named, by_namespace=True)
    assert findings == ()
    assert (found.authentication is not None) is used
    own, _ = login_of(image, named=named)
    assert own.authentication is not None


def test_beside_such_a_default_pull_secrets_count() -> None:
    named = SecretContents("keys", "Opaque", AWS)
    found, _ = login_of("ghcr.io/a/b", pull_secret({"ghcr.io": entry()}), named=named, by_namespace=True)
    assert found.authentication is not None
    assert body_of(found.authentication) == {"basic": {"username": "user", "password": "s3cret"}}


def test_a_pull_secret_without_a_name_is_passed_over() -> None:
    assert login_of("nginx", names=("",)) == (RegistryLogin(), ())
