"""Which login of a pod's pull secrets an image gets, by the kubelet's rules.

Read in Kubernetes at v1.37.2 (pkg/credentialprovider/keyring.go and config.go):

- a Secret counts if its type is `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`, with the key of that
  name; one entry that cannot be read makes the whole Secret unreadable;
- `auth` goes before `username` and `password`;
- an entry's key is a host with an optional port and path, with or without a scheme; a path that begins with `/v1/` or
  `/v2/` counts without it. Each part of the host may have wildcards, the numbers of parts must be equal, the port too,
  and the path must be a prefix of the image's;
- the longest keys of a Secret come first, and the Secrets in the order of the pod;
- an image of Docker Hub for which none fits gets the login of `index.docker.io`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import msgspec

from scvk.kubelet.inputs import SecretContents
from scvk.registry import ImageReference

_DOCKER_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


@dataclass(frozen=True, slots=True)
class Credential:
    """A login and the Secret that it stands in."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    secret: str


@dataclass(frozen=True, slots=True)
class UnreadableSecret:
    """A pull secret that holds no logins; `why` says what is wrong, without anything of its content."""

    secret: str
    why: str


class _Entry(msgspec.Struct):
    username: str | None = None
    password: str | None = None
    auth: str | None = None


class _DockerConfig(msgspec.Struct):
    auths: dict[str, _Entry | None] | None = None


def matching_credentials(
    image: ImageReference, secrets: Iterable[SecretContents]
) -> tuple[tuple[Credential, ...], tuple[UnreadableSecret, ...]]:
    """Return the logins that fit, the best first, and the Secrets that cannot be read."""
    found: list[Credential] = []
    unreadable: list[UnreadableSecret] = []
    for secret in secrets:
        logins = read_pull_secret(secret)
        if isinstance(logins, UnreadableSecret):
            unreadable.append(logins)
        else:
            found += _lookup(image, logins)
    return tuple(found), tuple(unreadable)


def read_pull_secret(secret: SecretContents) -> Mapping[str, Credential] | UnreadableSecret:
    """Return the logins of a pull secret by their keys, as they are written."""
    # Texts of decoding errors are not passed on: they may quote the content.
    match secret.type:
        case "kubernetes.io/dockerconfigjson":
            key, kind = ".dockerconfigjson", "dockerconfigjson"
        case "kubernetes.io/dockercfg":
            key, kind = ".dockercfg", "dockercfg"
        case _:
            return UnreadableSecret(secret.name, "it is of another type than a pull secret")
    content = secret.data.get(key)
    if not content:
        return UnreadableSecret(secret.name, f"it has no key {key}")
    try:
        if kind == "dockercfg":
            entries: dict[str, _Entry | None] = msgspec.json.decode(content, type=dict[str, _Entry | None])
        else:
            entries = msgspec.json.decode(content, type=_DockerConfig).auths or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return UnreadableSecret(
            secret.name, f"the key {key} is not what `kubectl create secret docker-registry` writes"
        )
    logins: dict[str, Credential] = {}
    for host, entry in entries.items():
        login = _login(entry or _Entry(), secret.name)
        if login is None:
            return UnreadableSecret(secret.name, "an `auth` in it is not base64 of a name, a colon and a password")
        logins[host] = login
    return logins


def _login(entry: _Entry, secret: str) -> Credential | None:
    if not entry.auth:
        return Credential(entry.username or "", entry.password or "", secret)
    text = entry.auth.strip()
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = decoded.partition(":")
    # Docker pads with zero bytes (docker/cli, config/configfile).
    return Credential(username, password.strip("\0"), secret) if colon else None


def _lookup(image: ImageReference, logins: Mapping[str, Credential]) -> list[Credential]:
    keys: dict[str, list[Credential]] = {}
    for written, login in logins.items():
        keys.setdefault(_normalised(written), []).append(login)
    fitting = [key for key in sorted(keys, reverse=True) if _fits(key, image)]
    if not fitting and image.is_docker_hub:
        fitting = [key for key in sorted(keys) if key in _DOCKER_HUB_HOSTS]
    return [login for key in fitting for login in keys[key] if login.username or login.password]


def _normalised(key: str) -> str:
    bare = key.removeprefix("https://").removeprefix("http://")
    host, slash, path = bare.partition("/")
    path = slash + path
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host if path in ("", "/") else host + path


def _fits(key: str, image: ImageReference) -> bool:
    host, slash, path = key.partition("/")
    names, port = _split(host)
    image_names, image_port = _split(image.registry)
    return (
        port == image_port
        and len(names) == len(image_names)
        and f"/{image.repository}".startswith(slash + path)
        and all(fnmatchcase(name, pattern) for name, pattern in zip(image_names, names, strict=True))
    )


def _split(host: str) -> tuple[list[str], str]:
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name, port = host, ""
    return name.split("."), port
