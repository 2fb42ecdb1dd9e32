"""Stand-ins for ConfigMaps and Secrets that are not known, so that the rest of a pod can be judged without them.

What a pod marks as optional gets none: it runs without. Of an object that is there, keys that it lacks are added.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lightkube.models.core_v1 import Container, KeyToPath, Volume
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.input_objects import DEFAULT_SECRET_TYPE, ConfigMapContents, InputObjects, ObjectKey
from scvk.kubelet.inputs import InputNeeds, SecretContents
from scvk.provider.annotations import LOGGING_SECRET, REGISTRY_SECRET
from scvk.provider.preview.masking import MASK
from scvk.provider.translate.pull_credentials import matching_credentials
from scvk.registry import ImageReference


@dataclass(frozen=True, slots=True)
class _Reference:
    """An object that the pod cannot do without, and the keys that it asks for by name."""

    key: ObjectKey
    keys: tuple[str, ...] = ()


_SINK_KEYS = ("api_token", "api_key", "ingestion_key", "token")
"""What a log sink must have of its Secret: one of these, by its kind."""


def with_stand_ins(objects: InputObjects, pod: Pod, needs: InputNeeds, image: ImageReference | None) -> InputObjects:
    """Return `objects` with all that the pod needs; what was not there has `•••` for its values.

    Where no pull secret that is known fits `image`, the first one that is not known has a login for it.
    """
    config_maps = dict(objects.config_maps)
    secrets = dict(objects.secrets)
    for reference in _references(pod, needs.containers):
        name = reference.key.name
        if reference.key.kind == "ConfigMap":
            known = config_maps.get(name, ConfigMapContents(name))
            lacking = {key: MASK for key in reference.keys if key not in known.data and key not in known.binary_data}
            config_maps[name] = replace(known, data={**known.data, **lacking})
        else:
            secret = secrets.get(name, SecretContents(name, DEFAULT_SECRET_TYPE, {}))
            absent = {key: MASK.encode() for key in reference.keys if key not in secret.data}
            secrets[name] = replace(secret, data={**secret.data, **absent})
    stand_ins = {LOGGING_SECRET.path: _SINK_KEYS, REGISTRY_SECRET.path: ("username", "password")}
    for needed in needs.secrets:
        if needed.name not in objects.secrets:
            known_keys = secrets[needed.name].data if needed.name in secrets else {}
            values = dict.fromkeys(stand_ins.get(needed.path, ()), MASK.encode())
            secrets[needed.name] = SecretContents(needed.name, DEFAULT_SECRET_TYPE, {**known_keys, **values})
    missing = _first_missing_pull_secret(pod, secrets, image)
    if missing is not None and image is not None:
        secrets[missing] = _login(missing, image)
    return replace(objects, config_maps=config_maps, secrets=secrets)


def _first_missing_pull_secret(
    pod: Pod, secrets: Mapping[str, SecretContents], image: ImageReference | None
) -> str | None:
    names = [each.name for each in (pod.spec.imagePullSecrets if pod.spec else None) or () if each.name]
    known = [secrets[name] for name in names if name in secrets]
    if image is None or matching_credentials(image, known)[0]:
        return None
    return next((name for name in names if name not in secrets), None)


def _login(name: str, image: ImageReference) -> SecretContents:
    login = {"username": MASK, "password": MASK}
    config = {"auths": {f"{image.registry}/{image.repository}": login}}
    return SecretContents(name, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": json.dumps(config).encode()})


def _references(pod: Pod, containers: Collection[str]) -> tuple[_Reference, ...]:
    spec = pod.spec
    if spec is None:
        return ()
    found: list[_Reference] = []
    mounted: set[str] = set()
    for container in (*(spec.initContainers or ()), *spec.containers):
        if container.name in containers:
            found += _of_container(container)
            mounted |= {mount.name for mount in container.volumeMounts or ()}
    for volume in spec.volumes or ():
        if volume.name in mounted:
            found += _of_volume(volume)
    return tuple(found)


def _of_container(container: Container) -> Iterator[_Reference]:
    for source in container.envFrom or ():
        if source.configMapRef is not None and not source.configMapRef.optional:
            yield _config_map(source.configMapRef.name)
        if source.secretRef is not None and not source.secretRef.optional:
            yield _secret(source.secretRef.name)
    for entry in container.env or ():
        origin = entry.valueFrom
        if origin is None or entry.value:
            continue
        if origin.configMapKeyRef is not None and not origin.configMapKeyRef.optional:
            yield _config_map(origin.configMapKeyRef.name, origin.configMapKeyRef.key)
        if origin.secretKeyRef is not None and not origin.secretKeyRef.optional:
            yield _secret(origin.secretKeyRef.name, origin.secretKeyRef.key)


def _of_volume(volume: Volume) -> Iterator[_Reference]:
    if volume.configMap is not None and not volume.configMap.optional:
        yield _config_map(volume.configMap.name, *_keys(volume.configMap.items))
    if volume.secret is not None and not volume.secret.optional:
        yield _secret(volume.secret.secretName, *_keys(volume.secret.items))
    for source in (volume.projected.sources if volume.projected is not None else None) or ():
        if source.configMap is not None and not source.configMap.optional:
            yield _config_map(source.configMap.name, *_keys(source.configMap.items))
        if source.secret is not None and not source.secret.optional:
            yield _secret(source.secret.name, *_keys(source.secret.items))


def _config_map(name: str | None, *keys: str) -> _Reference:
    return _Reference(ObjectKey("ConfigMap", name or ""), keys)


def _secret(name: str | None, *keys: str) -> _Reference:
    return _Reference(ObjectKey("Secret", name or ""), keys)


def _keys(items: Sequence[KeyToPath] | None) -> tuple[str, ...]:
    return tuple(item.key for item in items or ())
