"""The Secrets, ConfigMaps and Services that pods refer to, as values: what was read, and what surely is not there.

Made from objects of the API server, or of files: both kinds of caller resolve inputs by the same pure functions.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lightkube.resources.core_v1 import ConfigMap, Secret, Service

from scvk.kubelet.inputs import SecretContents

ObjectKind = Literal["ConfigMap", "Secret"]

DEFAULT_SECRET_TYPE = "Opaque"  # noqa: S105 - the API server's default of Secret.type

# A DNS subdomain, as the API server demands of the names of Secrets and ConfigMaps (IsDNS1123Subdomain).
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """A Secret or ConfigMap of the pod's own namespace; a pod cannot refer to any other."""

    kind: ObjectKind
    name: str

    @property
    def can_exist(self) -> bool:
        """Say whether the API server would take an object of this name.

        INVARIANT: only such names are asked for. The text comes from a tenant, and `../../kube-system/secrets/x` in the
        path of a request would read with the agent's rights what the pod has no right to.
        """
        return len(self.name) <= _LONGEST_NAME and _NAME.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class ConfigMapContents:
    """A ConfigMap as it was read: texts, and bytes that are no text (decoded)."""

    name: str
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    binary_data: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class InputObjects:
    """What is known of the objects that a pod needs, all of its namespace.

    What is in none of the mappings does not exist. `refused` has those that the API server does not let us read,
    with its words. `services` are those of the pod's namespace, and `default/kubernetes`; empty where a pod's
    variables shall not name any.
    """

    config_maps: Mapping[str, ConfigMapContents] = field(default_factory=dict)
    secrets: Mapping[str, SecretContents] = field(default_factory=dict)
    refused: Mapping[ObjectKey, str] = field(default_factory=dict)
    services: tuple[Service, ...] = ()


class UnreadableObjectError(ValueError):
    """An object that is none: a value that is no text, or no base64. Names the key, never the value."""


def secret_contents(secret: Secret) -> SecretContents:
    """Return the values of a Secret; `stringData`, which only manifests have, wins over `data`.

    Raises UnreadableObjectError.
    """
    name = (secret.metadata.name if secret.metadata else None) or ""
    data = {key: _decoded("Secret", name, key, value) for key, value in (secret.data or {}).items()}
    for key, value in (secret.stringData or {}).items():
        data[key] = _text("Secret", name, key, value).encode()
    return SecretContents(name, secret.type or DEFAULT_SECRET_TYPE, data)


def config_map_contents(config_map: ConfigMap) -> ConfigMapContents:
    """Return the values of a ConfigMap. Raises UnreadableObjectError."""
    name = (config_map.metadata.name if config_map.metadata else None) or ""
    return ConfigMapContents(
        name,
        {key: _text("ConfigMap", name, key, value) for key, value in (config_map.data or {}).items()},
        {key: _decoded("ConfigMap", name, key, value) for key, value in (config_map.binaryData or {}).items()},
    )


def _text(kind: ObjectKind, name: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableObjectError(f"{kind} {name}: the value of {key} is no text; put it in quotes")
    return value


def _decoded(kind: ObjectKind, name: str, key: str, value: object) -> bytes:
    # As Go decodes it: line breaks are allowed, anything else outside of the alphabet is not.
    text = _text(kind, name, key, value).replace("\n", "").replace("\r", "")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise UnreadableObjectError(f"{kind} {name}: the value of {key} is no base64") from None
