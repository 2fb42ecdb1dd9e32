"""Following a pod's references: an object or key that is there, or a word about what is not.

Two uses differ in how a kubelet tells of what is missing: an environment keeps one container from being created
(CreateContainerConfigError, with virtual kubelet's event reasons), a volume keeps the whole pod from starting
(FailedMount; its containers wait as ContainerCreating).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from scvk.kubelet.input_objects import ConfigMapContents, InputObjects, ObjectKey, ObjectKind
from scvk.kubelet.inputs import InputNotice, MissingReference, SecretContents

CONFIG_ERROR = "CreateContainerConfigError"
CREATING = "ContainerCreating"
FAILED_MOUNT = "FailedMount"
FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class EventReasons:
    """Virtual kubelet's reasons for what an environment lacks (internal/podutils/env.go): people search for them."""

    missing: str
    missing_key: str
    unreadable: str


MANDATORY: Mapping[ObjectKind, EventReasons] = {
    "ConfigMap": EventReasons(
        "MandatoryConfigMapNotFound", "MandatoryConfigMapKeyNotFound", "FailedToReadMandatoryConfigMap"
    ),
    "Secret": EventReasons("MandatorySecretNotFound", "MandatorySecretKeyNotFound", "FailedToReadMandatorySecret"),
}
OPTIONAL: Mapping[ObjectKind, EventReasons] = {
    "ConfigMap": EventReasons(
        "OptionalConfigMapNotFound", "OptionalConfigMapKeyNotFound", "FailedToReadOptionalConfigMap"
    ),
    "Secret": EventReasons("OptionalSecretNotFound", "OptionalSecretKeyNotFound", "FailedToReadOptionalSecret"),
}

ContentsT = TypeVar("ContentsT", ConfigMapContents, SecretContents)


@dataclass(frozen=True, slots=True)
class Use:
    """What references are followed for: a container's environment (`volume` is None), or the files of a volume."""

    volume: str | None = None

    @property
    def reason(self) -> str:
        """What containers wait with."""
        return CONFIG_ERROR if self.volume is None else CREATING

    def event_reason(self, of_environment: str) -> str:
        """Return the event's reason; `of_environment` is the one where an environment lacks it."""
        return of_environment if self.volume is None else FAILED_MOUNT

    def message(self, what: str) -> str:
        """Return the event's words, as a kubelet begins them."""
        return what if self.volume is None else f'MountVolume.SetUp failed for volume "{self.volume}" : {what}'


class References:
    """Follows references into `objects` and keeps account of those that lead nowhere."""

    def __init__(self, objects: InputObjects, namespace: str) -> None:
        self._objects = objects
        self._namespace = namespace
        self.missing: list[MissingReference] = []
        self.notices: list[InputNotice] = []

    def config_map(self, name: str | None, path: str, use: Use, *, optional: bool | None) -> ConfigMapContents | None:
        """Return the ConfigMap, None where it is missing."""
        return self._object(self._objects.config_maps, ObjectKey("ConfigMap", name or ""), path, use, bool(optional))

    def secret(self, name: str | None, path: str, use: Use, *, optional: bool | None) -> SecretContents | None:
        """Return the Secret, None where it is missing."""
        return self._object(self._objects.secrets, ObjectKey("Secret", name or ""), path, use, bool(optional))

    def pull_secret(self, name: str, path: str) -> SecretContents | None:
        """Return the Secret, None where there is none or it may not be read: the image may be had without."""
        found = self._objects.secrets.get(name)
        if found is None:
            refusal = self._objects.refused.get(ObjectKey("Secret", name))
            why = "not found" if refusal is None else f"not readable ({refusal})"
            self.notices.append(
                InputNotice(
                    path,
                    "FailedToRetrieveImagePullSecret",
                    f'secret "{name}" {why}; pulling the image without it may not succeed ({path})',
                )
            )
        return found

    def annotated_secret(self, name: str, path: str) -> SecretContents | None:
        """Return the Secret that an annotation names, None where it is missing; there is no leaving it out."""
        key, use = ObjectKey("Secret", name), Use()
        found = self._objects.secrets.get(name)
        if found is None and key in self._objects.refused:
            self._refused(key, path, use, MANDATORY["Secret"].unreadable)
        elif found is None:
            text = (
                f'secret "{name}" not found ({path}): create it in the namespace {self._namespace}, or change the'
                " annotation of the pod or its namespace that names it"
            )
            self._miss(key, path, use, MANDATORY["Secret"].missing, text)
        return found

    def no_key(
        self, kind: ObjectKind, name: str | None, key: str, path: str, use: Use, *, optional: bool | None
    ) -> None:
        """Note that the object has no such key."""
        if optional:
            self.notices.append(
                InputNotice(
                    path,
                    OPTIONAL[kind].missing_key,
                    f'key "{key}" not found in {kind} "{name}": left out, as {path} is optional',
                )
            )
            return
        self._miss(
            ObjectKey(kind, name or ""),
            path,
            use,
            MANDATORY[kind].missing_key,
            f'key "{key}" not found in {kind} "{self._namespace}/{name}" ({path}): add it there, or make the reference'
            " optional",
        )

    def unusable(self, kind: str, name: str | None, path: str, use: Use, why: str) -> None:
        """Note that what the reference leads to cannot be used; `why` must not show a value."""
        self.missing.append(
            MissingReference(path, kind, name or "", use.message(why), use.reason, use.event_reason(FAILED))
        )

    def skipped_names(self, kind: ObjectKind, name: str | None, names: list[str], path: str) -> None:
        """Note keys that can be no variables."""
        self.notices.append(
            InputNotice(
                path,
                "InvalidEnvironmentVariableNames",
                f'keys [{", ".join(names)}] of {kind} "{name}" were skipped since they are no names of environment'
                f" variables ({path})",
            )
        )

    def _object(
        self, known: Mapping[str, ContentsT], key: ObjectKey, path: str, use: Use, optional: bool
    ) -> ContentsT | None:
        found = known.get(key.name)
        if found is not None:
            return found
        word = key.kind.lower()
        if key in self._objects.refused:
            # Not known to be absent, so that even an optional one is waited for, as a kubelet does.
            self._refused(key, path, use, (OPTIONAL if optional else MANDATORY)[key.kind].unreadable)
        elif optional:
            text = f'{word} "{key.name}" not found: left out, as {path} is optional'
            self.notices.append(InputNotice(path, OPTIONAL[key.kind].missing, text))
        else:
            text = (
                f'{word} "{key.name}" not found ({path}): create it in the namespace {self._namespace}, or make the'
                " reference optional"
            )
            self._miss(key, path, use, MANDATORY[key.kind].missing, text)
        return None

    def _refused(self, key: ObjectKey, path: str, use: Use, event_reason: str) -> None:
        text = f'{key.kind.lower()} "{key.name}" cannot be read ({path}): {self._objects.refused[key]}'
        self._miss(key, path, use, event_reason, text)

    def _miss(self, key: ObjectKey, path: str, use: Use, event_reason: str, text: str) -> None:
        self.missing.append(
            MissingReference(path, key.kind, key.name, use.message(text), use.reason, use.event_reason(event_reason))
        )
