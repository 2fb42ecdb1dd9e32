"""The environment, command and arguments of a container, with `$(NAME)` references expanded as Kubernetes does.

The rules are those of the kubelet (`makeEnvironmentVariables` in pkg/kubelet/kubelet_pods.go and
third_party/forked/golang/expansion, read at v1.37.2):

- `envFrom` comes first, entry by entry; then `env`, in order; a later entry of the same name wins;
- a reference sees only what stands before it, and the variables of Services, which give way to all others;
- `$(NAME)` becomes the value of NAME, or stays as it is written where NAME is not known;
- `$$` is an escaped `$`, so `$$(NAME)` ends as the text `$(NAME)`; any other `$` stands for itself;
- what a reference brings in is not expanded again, nor is what comes from elsewhere;
- an optional value that is not there leaves the variable as it was;
- `command` and `args` see the finished environment; commands of exec probes see only the literal `value`s.

Names may be any printable ASCII but `=`, as the API server's relaxed validation has it.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lightkube.models.core_v1 import (
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    SecretEnvSource,
    SecretKeySelector,
)
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import DownwardError, NodeView, variable_field, variable_resource
from scvk.kubelet.input_objects import ObjectKind
from scvk.kubelet.inputs import ContainerInputs
from scvk.kubelet.references import References, Use

FIRST_CONTAINER = "spec.containers[0]"
"""Where the container stands that a provider runs."""

_USE = Use()
_CONFIG_MAP: ObjectKind = "ConfigMap"
_SECRET: ObjectKind = "Secret"  # noqa: S105 - a kind of object
_NAME = re.compile(r"[ -<>-~]+")  # IsRelaxedEnvVarName


@dataclass(frozen=True, slots=True)
class UnresolvedEntry:
    """An entry that no reading of other objects gives a value: the kubelet leaves it out, a provider must refuse it.

    `path` is where in the pod, such as `spec.containers[0].env[2].valueFrom`; `source` is what it refers to, such
    as `fileKeyRef`; `variable` is the variable that lacks a value, None for an `envFrom` (it may bring many).
    """

    path: str
    source: str
    variable: str | None


def resolve(
    pod: Pod, container: Container, path: str, node: NodeView, references: References, services: dict[str, str]
) -> ContainerInputs:
    """Return what `container` of `pod` runs with; what is missing is noted by `references` and left out.

    `path` is where it stands in the pod, such as `spec.containers[0]`; `services` are the variables of Services.
    """
    environment = _Environment(pod, container, node, references, services)
    for index, source in enumerate(container.envFrom or ()):
        environment.take_all(source, f"{path}.envFrom[{index}]")
    for index, entry in enumerate(container.env or ()):
        environment.take(entry, f"{path}.env[{index}]")
    return environment.finished()


def unresolved_entries(container: Container, path: str) -> tuple[UnresolvedEntry, ...]:
    """Name each entry that is left out whatever exists: from a file of a volume, or of a kind that is not known."""
    found = [
        UnresolvedEntry(f"{path}.envFrom[{index}]", _UNKNOWN, None)
        for index, source in enumerate(container.envFrom or ())
        if source.configMapRef is None and source.secretRef is None
    ]
    for index, entry in enumerate(container.env or ()):
        source = entry.valueFrom
        if source is None or entry.value or any(getattr(source, name) is not None for name in _RESOLVED):
            continue
        kind = "fileKeyRef" if source.fileKeyRef is not None else _UNKNOWN
        found.append(UnresolvedEntry(f"{path}.env[{index}].valueFrom", kind, entry.name))
    return tuple(found)


_UNKNOWN = "an unknown source"
_RESOLVED = ("configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef")


class _Environment:
    """The environment of one container as it grows, entry by entry."""

    def __init__(
        self, pod: Pod, container: Container, node: NodeView, references: References, services: dict[str, str]
    ) -> None:
        self._pod = pod
        self._container = container
        self._node = node
        self._references = references
        self._services = services
        self._own: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._secret: set[str] = set()
        """Names whose value holds something of a Secret."""
        self._empty: dict[str, str] = {}
        """Variables that are left out and still known to references."""
        self._known = ChainMap(self._own, self._empty, self._services)

    def take_all(self, source: EnvFromSource, path: str) -> None:
        """Take every key of a ConfigMap or Secret."""
        values: Mapping[str, str] | Mapping[str, bytes] = {}
        ref: ConfigMapEnvSource | SecretEnvSource
        if source.configMapRef is not None:
            kind, ref = _CONFIG_MAP, source.configMapRef
            config_map = self._references.config_map(ref.name, f"{path}.configMapRef", _USE, optional=ref.optional)
            values = config_map.data if config_map else {}
        elif source.secretRef is not None:
            kind, ref = _SECRET, source.secretRef
            secret = self._references.secret(ref.name, f"{path}.secretRef", _USE, optional=ref.optional)
            values = secret.data if secret else {}
        else:
            return
        names = {key: (source.prefix or "") + key for key in sorted(values)}
        for key, name in names.items():
            if _NAME.fullmatch(name):
                self._put_value(name, kind, ref.name, key, values[key], path, path)
        skipped = [name for name in names.values() if not _NAME.fullmatch(name)]
        if skipped:
            self._references.skipped_names(kind, ref.name, skipped, path)

    def take(self, entry: EnvVar, path: str) -> None:
        """Take one variable; where its value is missing, it stays as it was."""
        # The kubelet looks at `valueFrom` only where `value` is empty; the API server refuses both at once.
        if entry.value or entry.valueFrom is None:
            text, secret = self._expanded(entry.value or "")
            self._put(entry.name, text, path, secret=secret)
            return
        source = entry.valueFrom
        where = f"{path}.valueFrom"
        if source.fieldRef is not None or source.resourceFieldRef is not None:
            self._take_downward(entry.name, source, path)
        elif source.configMapKeyRef is not None:
            ref, where = source.configMapKeyRef, f"{where}.configMapKeyRef"
            config_map = self._references.config_map(ref.name, where, _USE, optional=ref.optional)
            if config_map is not None:
                self._take_key(entry.name, _CONFIG_MAP, ref, config_map.data, where, path)
        elif source.secretKeyRef is not None:
            key, where = source.secretKeyRef, f"{where}.secretKeyRef"
            found = self._references.secret(key.name, where, _USE, optional=key.optional)
            if found is not None:
                self._take_key(entry.name, _SECRET, key, found.data, where, path)

    def finished(self) -> ContainerInputs:
        """Return everything, with command and arguments."""
        command = [self._expanded(item) for item in self._container.command or ()]
        args = [self._expanded(item) for item in self._container.args or ()]
        rest = {name: value for name, value in self._services.items() if name not in self._own}
        return ContainerInputs(
            environment={**self._own, **rest},
            command=tuple(text for text, _ in command),
            args=tuple(text for text, _ in args),
            secret_variables=frozenset(self._secret),
            secret_command=frozenset(index for index, (_, secret) in enumerate(command) if secret),
            secret_args=frozenset(index for index, (_, secret) in enumerate(args) if secret),
            origins=self._origins,
        )

    def _take_downward(self, name: str, source: EnvVarSource, path: str) -> None:
        kind = "fieldRef" if source.fieldRef is not None else "resourceFieldRef"
        where = f"{path}.valueFrom.{kind}"
        try:
            if source.fieldRef is not None:
                text = variable_field(self._pod, source.fieldRef, self._node)
            else:
                assert source.resourceFieldRef is not None
                text = variable_resource(self._pod, self._container, source.resourceFieldRef, self._node)
        except DownwardError as error:
            pod_name = self._pod.metadata.name if self._pod.metadata else None
            self._references.unusable("Pod", pod_name, where, _USE, f"{error} ({where})")
            return
        if text is None:
            self._leave_out(name)
        else:
            self._put(name, text, path)

    def _take_key(
        self,
        name: str,
        kind: ObjectKind,
        ref: ConfigMapKeySelector | SecretKeySelector,
        values: Mapping[str, str] | Mapping[str, bytes],
        where: str,
        path: str,
    ) -> None:
        if ref.key in values:
            self._put_value(name, kind, ref.name, ref.key, values[ref.key], where, path)
        else:
            self._references.no_key(kind, ref.name, ref.key, where, _USE, optional=ref.optional)

    def _put_value(
        self, name: str, kind: ObjectKind, of: str | None, key: str, value: str | bytes, where: str, path: str
    ) -> None:
        text = _text(value)
        if text is not None:
            self._put(name, text, path, secret=kind == _SECRET)
            return
        why = (
            f'the value of key "{key}" in {kind} "{of}" is no text, so it can be no environment variable ({where}):'
            " mount it as a file"
        )
        self._references.unusable(kind, of, where, _USE, why)

    def _put(self, name: str, value: str, path: str, *, secret: bool = False) -> None:
        self._own[name] = value
        self._origins[name] = path
        (self._secret.add if secret else self._secret.discard)(name)

    def _leave_out(self, name: str) -> None:
        self._own.pop(name, None)
        self._origins.pop(name, None)
        self._secret.discard(name)
        self._empty[name] = ""

    def _expanded(self, text: str) -> tuple[str, bool]:
        """Return the text with its references replaced, and whether something of a Secret came in."""
        if "$" not in text:
            return text, False
        secret = bool(self._secret) and any(name in self._secret for _, name in _pieces(text))
        return expand(text, self._known), secret


def _text(value: str | bytes) -> str | None:
    """Return what a program can have as a variable's value, None for anything else: no runtime would start it."""
    try:
        text = value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def expand_static(items: Iterable[str], env: Iterable[EnvVar]) -> tuple[str, ...]:
    """Expand the command of an exec probe: references see the literal `value` of each entry, itself unexpanded.

    A variable from elsewhere counts as empty here, as in the kubelet (`ExpandContainerCommandOnlyStatic`).
    """
    values = {entry.name: entry.value or "" for entry in env}
    return tuple(expand(item, values) for item in items)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its references replaced; see the module docstring for the rules."""
    if "$" not in text:
        return text
    return "".join(piece if name is None else variables.get(name, f"$({name})") for piece, name in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield literal pieces, unescaped, and the names that are referred to."""
    done = 0
    while (at := text.find("$", done)) != -1 and at + 1 < len(text):
        yield text[done:at], None
        following = text[at + 1]
        closing = text.find(")", at + 2) if following == "(" else -1
        if closing != -1:
            yield "", text[at + 2 : closing]
            done = closing + 1
        else:
            yield "$" if following == "$" else f"${following}", None
            done = at + 2
    yield text[done:], None
