"""How SaladCloud, and we ourselves, log in to the registry of the pod's image.

| what holds the login | becomes |
|---|---|
| a pull secret that fits, at Docker Hub | `docker_hub` |
| one with the user `_json_key`, at Google | `gcp_gar` or `gcp_gcr` |
| any other one that fits | `basic` |
| the Secret of `salad.com/registry-secret` | by its keys: `aws_ecr`, `gcp_gar`, `gcp_gcr`, `docker_hub`, `basic` |

The annotation goes before the pull secrets; as a default of the namespace it is for images of its cloud's registries,
where it holds the keys of a cloud. Without any that fits the image is pulled without a login, and a pod that has pull
secrets is told so.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightkube.models.core_v1 import PodSpec

from scvk.kubelet.input_objects import ObjectKey
from scvk.kubelet.inputs import PodInputs, SecretContents
from scvk.provider.annotations import REGISTRY_SECRET
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lines import objection
from scvk.provider.translate.pull_credentials import Credential, matching_credentials
from scvk.provider.translate.registry_hosts import is_aws_ecr, is_gcp_gar, is_gcp_gcr
from scvk.provider.translate.settings import Settings
from scvk.registry import ImageReference, Login
from scvk.saladcloud.models.registry_authentication import (
    AwsEcrAuthentication,
    BasicAuthentication,
    DockerHubAuthentication,
    GcpGarAuthentication,
    GcpGcrAuthentication,
    RegistryAuthentication,
)

_PATH = "spec.imagePullSecrets"
_CODE = "UnsupportedImagePullSecret"
# OpenAPI document, ContainerRegistryAuthentication…
_MAX_LENGTH = 10_000
# Google Artifact Registry, "Configure authentication to Artifact Registry for Docker": a service account's key.
_GOOGLE_KEY_USERS = frozenset({"_json_key", "_json_key_base64"})


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """`authentication` is what SaladCloud gets; `logins` are what we may try ourselves, in order. Neither is shown."""

    authentication: RegistryAuthentication | None = field(default=None, repr=False)
    logins: tuple[Login, ...] = field(default=(), repr=False)


def registry_secret_of(settings: Settings) -> str | None:
    """Return the name of the Secret that must be read for the registry; None where none is named."""
    name = settings.text(REGISTRY_SECRET)
    return name if name and ObjectKey("Secret", name).can_exist else None


def registry_login_of(
    spec: PodSpec, image: ImageReference | None, inputs: PodInputs, settings: Settings, report: Report
) -> RegistryLogin:
    """Return the login for `image`; None of both where it is to be pulled without."""
    if image is None:
        return RegistryLogin()
    written = settings.text(REGISTRY_SECRET)
    if written:
        name = registry_secret_of(settings)
        if name is None:
            settings.refuse(REGISTRY_SECRET, written)
            return RegistryLogin()
        secret = inputs.secrets.get(name)
        if secret is None:
            return RegistryLogin()
        if settings.is_own(REGISTRY_SECRET) or _may_be_for(secret, image):
            return _from_annotation(secret, image, report)
    return _from_pull_secrets(spec, image, inputs.pull_secrets, report)


def _from_pull_secrets(
    spec: PodSpec, image: ImageReference, secrets: Sequence[SecretContents], report: Report
) -> RegistryLogin:
    # The API server lets empty names through, and a kubelet passes over them.
    named = [(index, each.name) for index, each in enumerate(spec.imagePullSecrets or ()) if each.name]
    wanted = {name: index for index, name in reversed(named)}
    if not wanted:
        return RegistryLogin()
    found, unreadable = matching_credentials(image, secrets)
    for secret in unreadable:
        report.degrade(
            f"{_PATH}[{wanted.get(secret.secret, 0)}]",
            _CODE,
            f"The Secret {secret.secret} is not used for pulling: {secret.why}",
        )
    if not found:
        report.degrade(
            _PATH,
            "NoMatchingImagePullSecret",
            f"None of the pull secrets has a login for {image.registry}/{image.repository}: the image is pulled"
            " without",
        )
        return RegistryLogin()
    best = found[0]
    if any(each != best for each in found[1:]):
        report.ignore(
            _PATH,
            "FurtherImagePullSecret",
            f"Several logins fit the image; SaladCloud takes one, and gets the first, of the Secret {best.secret}",
        )
    authentication = _authentication(best, image)
    _judge(authentication, f"{_PATH}[{wanted.get(best.secret, 0)}]", best.secret, report)
    return RegistryLogin(authentication, tuple(dict.fromkeys(_login(each) for each in found)))


def _authentication(login: Credential, image: ImageReference) -> RegistryAuthentication:
    if login.username in _GOOGLE_KEY_USERS:
        google = _google(_service_key(login), image)
        if google is not None:
            return google
    if image.is_docker_hub:
        return RegistryAuthentication(
            docker_hub=DockerHubAuthentication(username=login.username, personal_access_token=login.password)
        )
    return RegistryAuthentication(basic=BasicAuthentication(username=login.username, password=login.password))


def _service_key(login: Credential) -> str:
    if login.username == "_json_key":
        return login.password
    try:
        return base64.b64decode(login.password).decode()
    except (binascii.Error, ValueError):
        return login.password


def _google(service_key: str, image: ImageReference) -> RegistryAuthentication | None:
    if is_gcp_gcr(image):
        return RegistryAuthentication(gcp_gcr=GcpGcrAuthentication(service_key=service_key))
    if is_gcp_gar(image):
        return RegistryAuthentication(gcp_gar=GcpGarAuthentication(service_key=service_key))
    return None


def _from_annotation(secret: SecretContents, image: ImageReference, report: Report) -> RegistryLogin:
    keys = _texts(secret.data)
    if "access_key_id" in keys and "secret_access_key" in keys:
        authentication = RegistryAuthentication(
            aws_ecr=AwsEcrAuthentication(
                access_key_id=keys["access_key_id"], secret_access_key=keys["secret_access_key"]
            )
        )
        # ECR wants a token that only AWS' own signed API gives: we cannot log in there ourselves.
        logins: tuple[Login, ...] = ()
    elif "service_key" in keys:
        service_key = keys["service_key"]
        authentication = _google(service_key, image) or RegistryAuthentication(
            gcp_gar=GcpGarAuthentication(service_key=service_key)
        )
        logins = (Login("_json_key", service_key),)
    elif "username" in keys and "password" in keys:
        login = Credential(keys["username"], keys["password"], secret.name)
        authentication, logins = _authentication(login, image), (_login(login),)
    else:
        report.refuse(
            REGISTRY_SECRET.path,
            _CODE,
            f"The Secret {secret.name} holds no login: it needs the keys access_key_id and secret_access_key,"
            " service_key, or username and password",
        )
        return RegistryLogin()
    _judge(authentication, REGISTRY_SECRET.path, secret.name, report)
    return RegistryLogin(authentication, logins)


def _may_be_for(secret: SecretContents, image: ImageReference) -> bool:
    """Say whether the keys in the Secret may be a login to the image's registry."""
    keys = _texts(secret.data)
    if "access_key_id" in keys:
        return is_aws_ecr(image)
    return "service_key" not in keys or is_gcp_gar(image) or is_gcp_gcr(image)


def _texts(data: Mapping[str, bytes]) -> dict[str, str]:
    """Return the keys in one spelling (`AWS_ACCESS_KEY_ID` is `access_key_id`) with their values as text."""
    texts: dict[str, str] = {}
    for key, value in data.items():
        try:
            text = value.decode()
        except UnicodeDecodeError:
            continue
        name = key.lower().replace("-", "_").removeprefix("aws_")
        texts[name] = text.strip("\r\n")
    return texts


def _judge(authentication: RegistryAuthentication, path: str, secret: str, report: Report) -> None:
    google = authentication.gcp_gar or authentication.gcp_gcr
    kinds = (authentication.aws_ecr, authentication.basic, authentication.docker_hub)
    texts = [(name, getattr(kind, name)) for kind in kinds if kind for name in kind.__struct_fields__]
    problems = [f"its {name} {problem}" for name, text in texts if (problem := objection(text, longest=_MAX_LENGTH))]
    if google is not None and not 1 <= len(google.service_key) <= _MAX_LENGTH:
        problems.append(f"its service_key is empty or has more than {_MAX_LENGTH} characters")
    if problems:
        report.refuse(path, _CODE, f"SaladCloud does not take the login of the Secret {secret}: {'; '.join(problems)}")


def _login(credential: Credential) -> Login:
    return Login(credential.username, credential.password)
