"""Which versions of its ConfigMaps and Secrets a pod's container was given: noted on the pod, to tell of later ones.

A version is the object's UID and resource version. Unlike a digest of what is in it, it says nothing of a secret, and
can be read without reading one; but it moves with labels and annotations of the object, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from lightkube.models.meta_v1 import ObjectMeta

from scvk.kubelet.input_objects import ObjectKey

INPUTS_ANNOTATION = "scvk.salad.com/inputs"

Versions = Mapping[str, str]
"""Kind and name, such as `ConfigMap/settings` → version."""


def version_of(metadata: ObjectMeta | None) -> str:
    """Return the version of an object; "" where the answer shows none."""
    uid, version = (metadata.uid, metadata.resourceVersion) if metadata else (None, None)
    return f"{uid}/{version}" if uid and version else ""


def noted(versions: Versions, annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotation that notes `versions` on a pod with `annotations`; empty without anything to note."""
    if not versions and not annotations.get(INPUTS_ANNOTATION):
        return {}
    return {INPUTS_ANNOTATION: msgspec.json.encode(dict(sorted(versions.items()))).decode() if versions else ""}


def name_of(key: ObjectKey) -> str:
    """Return the object's name among versions."""
    return f"{key.kind}/{key.name}"


def versions_in(annotations: Mapping[str, str]) -> Mapping[ObjectKey, str]:
    """Return the versions that a pod notes; what is no note of ours is none, since people can write annotations."""
    return _read(annotations.get(INPUTS_ANNOTATION) or "{}")


@lru_cache(maxsize=4096)
def _read(text: str) -> Mapping[ObjectKey, str]:
    try:
        plain = msgspec.json.decode(text, type=dict[str, str])
    except ValueError:
        return {}
    return {key: version for name, version in plain.items() if (key := _key(name)) is not None and version}


def _key(name: str) -> ObjectKey | None:
    kind, _, rest = name.partition("/")
    key = ObjectKey("Secret" if kind == "Secret" else "ConfigMap", rest)
    # INVARIANT: no other name is ever asked for; see `ObjectKey.can_exist`.
    return key if kind in ("ConfigMap", "Secret") and key.can_exist else None
