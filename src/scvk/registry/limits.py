"""How much of everything a registry may give, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one client. Bytes are counted as they arrive, whatever a header promised."""

    manifest_bytes: int = 4 * _MIB
    """A manifest or index; registries should take no larger ones (OCI distribution specification 1.1, "Pushing
    Manifests")."""
    config_bytes: int = 4 * _MIB
    token_bytes: int = 64 * 1024
    """The answer of a token realm."""
    layer_bytes: int = 10 * _GIB
    """One layer as it is transferred, which is Docker Hub's own bound."""
    image_bytes: int = 35 * _GIB
    """All layers of an image as they are transferred; SaladCloud takes images of up to 35 GB."""
    unpacked_bytes: int = 100 * _GIB
    """All files of an image, unpacked."""
    unpacked_entries: int = 2_000_000
    """Members of all layers of an image: an empty file costs an inode and no byte."""
    layers: int = 256
    """Docker itself stops at 127."""
    redirects: int = 5
    connect_s: float = 10.0
    silence_s: float = 30.0
    """The longest wait for the next bytes."""
    answer_s: float = 60.0
    """A manifest, a configuration or a token as a whole, with redirects."""
    layer_s: float = 3600.0
    """One layer as a whole."""
    connections: int = 4
    """Requests under way at once."""
