"""Hand-made images: tars, layers, configurations and manifests, as registries hold them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scvk.registry.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(name: str, content: bytes | None = None, **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A regular file, or with `type` another kind; a name that ends in / is a directory."""
    info = tarfile.TarInfo(name.rstrip("/"))
    info.mode = 0o755 if name.endswith("/") else 0o644
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    info.size = len(content or b"")
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content or b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.LNKTYPE, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress, "plain": bytes}


@dataclass
class Image:
    """One image's blobs by digest, and its manifest."""

    layers: Iterable[bytes]
    config: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = OCI_MANIFEST

    def __post_init__(self) -> None:
        document = {"architecture": "amd64", "os": "linux", "config": dict(self.config), "rootfs": {"type": "layers"}}
        config = json.dumps(document).encode()
        layers = list(self.layers)
        self.blobs = {digest_of(data): data for data in [config, *layers]}
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": self.media_type,
                "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
                "layers": [
                    {"mediaType": OCI_LAYER, "digest": digest_of(layer), "size": len(layer)} for layer in layers
                ],
            }
        ).encode()
        self.digest = digest_of(self.manifest)


def docker_image(layers: Iterable[bytes], **config: Any) -> Image:
    return Image(layers, config, DOCKER_MANIFEST)


def index(images: Mapping[str, Image], media_type: str = OCI_INDEX) -> bytes:
    """A list of images by platform, `os/architecture`."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "manifests": [
                {
                    "mediaType": image.media_type,
                    "digest": image.digest,
                    "size": len(image.manifest),
                    "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True)),
                }
                for platform, image in images.items()
            ],
        }
    ).encode()
