"""Image references: text such as `busybox`, `ghcr.io/owner/app:v1` or `localhost:5000/app@sha256:…`.

The grammar is that of the reference package of the CNCF's distribution project (reference.go, v2.8): the first
component is a registry only if it has a dot or a port, or is `localhost`; everything else is a name at Docker Hub,
where names of one component are in `library/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scvk.registry.errors import InvalidReference, quoted

DOCKER_HUB = "docker.io"
# Where Docker Hub's API answers; docker.io itself is a web site.
_DOCKER_HUB_API = "registry-1.docker.io"
_DOCKER_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_MAX_NAME = 255
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_HOST_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[a-fA-F0-9:]{{2,39}}\])(?::([0-9]{{1,5}}))?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_HEX_NAME = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One image: `registry` is a host with an optional port (`docker.io` for Docker Hub), `repository` its name there.

    With a `digest` the tag counts for nothing.
    """

    registry: str
    repository: str
    tag: str | None = "latest"
    digest: str | None = None

    @property
    def selector(self) -> str:
        """What the registry is asked for: the digest, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def api_host(self) -> str:
        """Host and optional port where the registry's API answers."""
        return _DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry

    @property
    def is_docker_hub(self) -> bool:
        """Whether it lives at Docker Hub."""
        return self.registry == DOCKER_HUB

    def __str__(self) -> str:
        """The whole reference, normalised."""
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse_reference(text: str) -> ImageReference:
    """Read a reference. Raises InvalidReference, with the part that is wrong."""

    def wrong(why: str) -> InvalidReference:
        return InvalidReference(f"{quoted(text)!r} is no image reference: {why}")

    if "://" in text:
        raise wrong("it must not have a scheme such as https://")
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise wrong("after @ there must be a digest, sha256: and 64 hexadecimal digits")
    tag: str | None = None
    head, slash, last = name.rpartition("/")
    last, colon, after_colon = last.partition(":")
    if colon:
        tag = after_colon
        if not _TAG.fullmatch(tag):
            raise wrong("a tag has 1 to 128 letters, digits, dots, dashes and underscores")
    registry, path = _split_registry(head + slash + last)
    if registry is not None and not _is_host(registry):
        raise wrong(f"{quoted(registry)!r} is no host with an optional port")
    if not path:
        raise wrong("it has no name")
    if len(path) > _MAX_NAME:
        raise wrong(f"the name is longer than {_MAX_NAME} characters")
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            raise wrong(
                f"{quoted(component)!r} is no part of a name: small letters and digits, with single dots, one or two "
                "underscores or dashes between them"
            )
    if registry is None or registry.lower() in _DOCKER_HUB_ALIASES:
        registry = DOCKER_HUB
        if "/" not in path:
            if _HEX_NAME.fullmatch(path):
                raise wrong("64 hexadecimal digits are an image's id, which no registry knows")
            path = f"library/{path}"
    if tag is None and not at:
        tag = "latest"
    # A host in small letters, but where only its capitals make it one: `A/b` is a registry, `a/b` a name at Docker Hub.
    lower = registry.lower()
    host = lower if _split_registry(f"{lower}/x")[0] is not None else registry
    return ImageReference(host, path, tag, digest or None)


def _split_registry(name: str) -> tuple[str | None, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        return first, rest
    return None, name


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and (match[1] is None or 0 < int(match[1]) < 65536)
