"""Manifests and indexes: which blobs make up an image, and which image of several fits a platform. Pure.

Both vocabularies are read: OCI image specification 1.1, and Docker's image manifest version 2, schema 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from scvk.registry.errors import ImageNotFound, Unreadable, quoted

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image must run on, in Go's words (GOOS, GOARCH)."""

    os: str = "linux"
    architecture: str = "amd64"

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob or manifest by `digest` (`algorithm:hexadecimal`), of `size` >= 0 bytes."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform: layers lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """Images for several platforms; `platform` is None for entries that name none."""

    images: tuple[tuple[Platform | None, Descriptor], ...]

    def choose(self, platform: Platform, what: str) -> Descriptor:
        """The first image for `platform`; one that names no platform if it is the only entry.

        Raises ImageNotFound with the platforms there are.
        """
        for offered, descriptor in self.images:
            if offered == platform:
                return descriptor
        if len(self.images) == 1 and self.images[0][0] is None:
            return self.images[0][1]
        names = ", ".join(sorted({quoted(str(offered)) for offered, _ in self.images if offered})) or "none"
        raise ImageNotFound(f"{what}: there is no image for {platform}, only for: {names}")


class _Platform(msgspec.Struct):
    os: str = ""
    architecture: str = ""


class _Descriptor(msgspec.Struct, rename={"media_type": "mediaType"}):
    digest: str
    size: int
    media_type: str = ""
    platform: _Platform | None = None


class _Document(msgspec.Struct, rename={"media_type": "mediaType", "schema_version": "schemaVersion"}):
    schema_version: int = 0
    media_type: str = ""
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None


def read_manifest(body: bytes, what: str) -> Manifest | Index:
    """What a registry answers at `manifests/`. Raises Unreadable."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{what}: the manifest cannot be read: {quoted(str(error))}") from error
    if document.schema_version != 2:
        raise Unreadable(f"{what}: the manifest has schema version {document.schema_version}; only 2 is known")
    # By content and not by media type: both vocabularies have the same members, and OCI's media type is optional.
    if document.manifests is not None and document.config is None and document.layers is None:
        return Index(tuple(_entries(document.manifests, what)))
    if document.config is None or document.layers is None or document.manifests is not None:
        raise Unreadable(f"{what}: the manifest is neither one image nor a list of images")
    return Manifest(_checked(document.config, what), tuple(_checked(layer, what) for layer in document.layers))


def _entries(listed: Sequence[_Descriptor], what: str) -> list[tuple[Platform | None, Descriptor]]:
    return [
        (Platform(entry.platform.os, entry.platform.architecture) if entry.platform else None, _checked(entry, what))
        for entry in listed
        # Attestations that build tools put beside an image are no images.
        if entry.platform is None or entry.platform.os != "unknown"
    ]


def _checked(descriptor: _Descriptor, what: str) -> Descriptor:
    # The digest becomes part of an address and of a file's name.
    if not _DIGEST.fullmatch(descriptor.digest):
        raise Unreadable(f"{what}: the manifest has {quoted(descriptor.digest)!r} in place of a digest")
    if descriptor.size < 0:
        raise Unreadable(f"{what}: the manifest has a negative size")
    return Descriptor(descriptor.digest, descriptor.size, descriptor.media_type)
