"""Which settings of a pod its group was made of, and which the pod has changed since: pure functions.

The group carries a digest of each setting in an environment variable, `SCVK_SETTINGS`, which the same request writes
that makes or changes the group. So it can never differ from what the group has: whatever became of an answer, of the
agent or of the pod's annotations, the next look at the group tells what is still to be done, and nothing is done
twice. The digests are of what the *pod* says, not of the request: options of the agent, defaults of the namespace and
the contents of Secrets and ConfigMaps have no part in them, and their changes touch nothing that runs.

What cannot be applied, or need not be, is noted on the pod (`scvk.salad.com/settled`), so that it is judged and told
once. A group without the variable (another program made it, or somebody took it off) is taken to have what the pod
said when it was first seen: that stands in `scvk.salad.com/settings`.

INVARIANT: how a setting is written for its digest is never changed. Another form would make every group of an earlier
agent look changed, and restart it. A further setting is harmless: groups that do not know it are taken to have it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lightkube.models.core_v1 import Container, ResourceRequirements
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.informer import uid_of
from scvk.kubelet.quantities import InvalidQuantityError, parse_quantity
from scvk.provider.annotations import (
    CONTAINER,
    COUNTRY_CODES,
    GPU_CLASSES,
    IMAGE_CACHING,
    INIT_CONTAINERS,
    LOGGING,
    LOGGING_SECRET,
    NETWORKING,
    PRIORITY,
    QUEUE,
    REGISTRY_SECRET,
    RESIZE,
    TERMINATION_MESSAGE,
    Annotation,
)
from scvk.provider.ownership import SETTINGS
from scvk.provider.running import running
from scvk.saladcloud.models import ContainerGroup

SETTLED_ANNOTATION = "scvk.salad.com/settled"
BASELINE_ANNOTATION = "scvk.salad.com/settings"

_DIGEST_LENGTH = 8
_ABSENT = "-"
_NOT_APPLIED = "!"


class Setting(StrEnum):
    """What of a pod can change while its group runs."""

    IMAGE = "image"
    RESOURCES = "resources"
    PRIORITY = "priority"
    COUNTRIES = "countries"
    GPU_CLASSES = "gpu-classes"
    IMAGE_CACHING = "image-caching"
    LOGGING = "logging"
    REGISTRY_SECRET = "registry-secret"  # noqa: S105 - the name of a setting
    NETWORKING = "networking"
    QUEUE = "queue"
    CONTAINER = "container"
    INIT_CONTAINERS = "init-containers"
    TERMINATION_MESSAGE = "termination-message"


FIXED = frozenset(
    {Setting.NETWORKING, Setting.QUEUE, Setting.CONTAINER, Setting.INIT_CONTAINERS, Setting.TERMINATION_MESSAGE}
)
"""What no update can change: SaladCloud fixes it with the group, or the start of the container is made of it."""

ANNOTATIONS: Mapping[Setting, tuple[Annotation, ...]] = {
    Setting.PRIORITY: (PRIORITY,),
    Setting.COUNTRIES: (COUNTRY_CODES,),
    Setting.GPU_CLASSES: (GPU_CLASSES,),
    Setting.IMAGE_CACHING: (IMAGE_CACHING,),
    Setting.LOGGING: (LOGGING_SECRET, *LOGGING.values()),
    Setting.REGISTRY_SECRET: (REGISTRY_SECRET,),
    Setting.NETWORKING: NETWORKING,
    Setting.QUEUE: QUEUE,
    Setting.CONTAINER: (CONTAINER,),
    Setting.INIT_CONTAINERS: (INIT_CONTAINERS,),
    Setting.TERMINATION_MESSAGE: (TERMINATION_MESSAGE,),
}
"""The annotations that a setting consists of."""

Digests = Mapping[str, str]
"""Setting → digest of what a pod says of it; `-` where it says nothing."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A value that was judged and not sent. `applied`: the group has it all the same, in other words."""

    digest: str
    applied: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """A pod's settings beside those of its group.

    `has` is None where nothing says what the group was made of.
    """

    wanted: Digests
    has: Digests | None
    settled: Mapping[str, Settled] = field(default_factory=dict)

    @property
    def changed(self) -> frozenset[Setting]:
        """What the pod has changed since, and nobody has judged."""
        return frozenset(name for name in self._different() if not self._is_settled(name))

    @property
    def not_applied(self) -> frozenset[Setting]:
        """What the pod has changed since, and the group cannot have."""
        return frozenset(n for n in self._different() if self._is_settled(n) and not self.settled[n].applied)

    def has_wanted(self, setting: Setting) -> bool:
        """Say whether the group has the setting as the pod says it, as far as is known."""
        return setting not in self._different() or (self._is_settled(setting) and self.settled[setting].applied)

    @property
    def notes(self) -> dict[str, str]:
        """The annotations that must stand on the pod before anything else is done; empty where they are right.

        A judgement about a value that the pod no longer has must not be found there when that value comes back.
        """
        if self.has is None:
            return {BASELINE_ANNOTATION: encoded(self.wanted)}
        stale = [name for name in self.settled if name not in self._different() or not self._is_settled(name)]
        return self.settling({}, without=stale) if stale else {}

    def settling(self, judged: Mapping[Setting, bool], *, without: Iterable[str] = ()) -> dict[str, str]:
        """Return the annotation that notes `judged`: whether the group has the setting all the same."""
        settled = {name: each for name, each in self.settled.items() if name not in set(without)}
        settled |= {name: Settled(self.wanted[name], applied) for name, applied in judged.items()}
        text = ",".join(f"{n}={s.digest}{'' if s.applied else _NOT_APPLIED}" for n, s in sorted(settled.items()))
        return {SETTLED_ANNOTATION: text}

    def with_applied(self, settings: Iterable[Setting]) -> dict[str, str]:
        """Return the digests of the group once it has these of the pod's settings."""
        return {**self.wanted, **(self.has or {}), **{name: self.wanted[name] for name in settings}}

    def _different(self) -> frozenset[Setting]:
        has, wanted = self.has or {}, self.wanted
        return frozenset(name for name in Setting if name in wanted and has.get(name, wanted[name]) != wanted[name])

    def _is_settled(self, name: str) -> bool:
        return name in self.settled and self.settled[name].digest == self.wanted.get(name)


def applied(pod: Pod, group: ContainerGroup) -> Applied:
    """Return the pod's settings beside those that its group shows."""
    annotations = (pod.metadata.annotations if pod.metadata else None) or {}
    shown = shown_settings(group)
    has = decoded(shown) if shown is not None else decoded(annotations.get(BASELINE_ANNOTATION, ""))
    settled = {
        name: Settled(text.removesuffix(_NOT_APPLIED), not text.endswith(_NOT_APPLIED))
        for name, text in decoded(annotations.get(SETTLED_ANNOTATION, "")).items()
    }
    return Applied(settings_of(pod), has or None, settled)


def shown_settings(group: ContainerGroup) -> str | None:
    """Return what the group's variable says; None where it has none."""
    return (group.container.environment_variables or {}).get(SETTINGS)


def settings_of(pod: Pod) -> Digests:
    """Return the digest of each setting of the pod, which must have a container."""
    values = {setting: _annotated(pod, setting) for setting in ANNOTATIONS}
    runs = running(pod)
    together = (*(runs.init if runs.chosen else ()), runs.main)
    values[Setting.IMAGE] = json.dumps([each.image or "" for each in together])
    values[Setting.RESOURCES] = _resources(pod, together)
    return {setting: _digest(uid_of(pod), setting, values[setting]) for setting in Setting}


def encoded(digests: Digests) -> str:
    """Return the digests as one text without spaces."""
    return ",".join(f"{name}={digest}" for name, digest in digests.items())


def decoded(text: str) -> dict[str, str]:
    """Return what `encoded` wrote; people can write annotations and variables too, and what is no entry is none."""
    pairs = (entry.partition("=") for entry in text.split(","))
    return {name: digest for name, _, digest in pairs if name and digest}


def _annotated(pod: Pod, setting: Setting) -> str | None:
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    written = {each.key: str(own[each.key]).strip() for each in ANNOTATIONS[setting] if each.key in own}
    form = _FORMS.get(setting)
    if not written:
        return None
    return form(next(iter(written.values()))) if form else json.dumps(written, sort_keys=True)


def _items(text: str) -> str:
    return ",".join(sorted({item.strip().casefold() for item in text.split(",") if item.strip()}))


_FORMS: Mapping[Setting, Callable[[str], str]] = {
    Setting.PRIORITY: str.casefold,
    Setting.COUNTRIES: _items,
    Setting.GPU_CLASSES: _items,
    Setting.IMAGE_CACHING: str.casefold,
}
"""How a value is written for its digest, where different words mean the same."""


def _resources(pod: Pod, containers: Iterable[Container]) -> str:
    asked = [_amounts(each.resources) for each in containers]
    own = (pod.metadata.annotations if pod.metadata else None) or {}
    wish = str(own.get(RESIZE.key, "")).strip().casefold()
    return json.dumps([asked, _amounts(pod.spec.resources if pod.spec else None), wish], sort_keys=True)


def _amounts(declared: ResourceRequirements | None) -> dict[str, dict[str, str]]:
    if declared is None:
        return {}
    kinds = {"limits": declared.limits or {}, "requests": declared.requests or {}}
    return {kind: {name: _amount(text) for name, text in written.items()} for kind, written in kinds.items()}


def _amount(text: str) -> str:
    try:
        return str(parse_quantity(text))
    except InvalidQuantityError:
        return str(text)


def _digest(uid: str, setting: Setting, value: str | None) -> str:
    if value is None:
        return _ABSENT
    # Of one pod only: the same value is another text on another pod.
    facts = "\0".join((uid, setting, value)).encode("utf-8", "surrogatepass")
    return base64.b32encode(hashlib.sha256(facts).digest()).decode("ascii").lower()[:_DIGEST_LENGTH]
