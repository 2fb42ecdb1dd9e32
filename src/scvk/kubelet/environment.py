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
from dataclasses import dataclass, field

from lightkube.models.core_v1 import Container, EnvVar, EnvVarSource
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import DownwardError, NodeView, variable_field, variable_resource
from scvk.kubelet.input_objects import ObjectKind
from scvk.kubelet.inputs import ContainerInputs
from scvk.kubelet.references import References, Use

FIRST_CONTAINER = "spec.containers[0]"
"""Where the container stands that a provider runs."""

_USE = Use()
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
    variables = _Variables(services)
    for index, source in enumerate(container.envFrom or ()):
        where = f"{path}.envFrom[{index}]"
        if source.configMapRef is not None:
            name, optional = source.configMapRef.name, source.configMapRef.optional
            found = references.config_map(name, f"{where}.configMapRef", _USE, optional=optional)
            brought: Mapping[str, str | bytes] = found.data if found else {}
            _take_all(variables, "ConfigMap", name, source.prefix, brought, where, references)
        elif source.secretRef is not None:
            name, optional = source.secretRef.name, source.secretRef.optional
            secret = references.secret(name, f"{where}.secretRef", _USE, optional=optional)
            _take_all(variables, "Secret", name, source.prefix, secret.data if secret else {}, where, references)
    for index, entry in enumerate(container.env or ()):
        # The kubelet looks at `valueFrom` only where `value` is empty; the API server refuses both at once.
        if entry.value or entry.valueFrom is None:
            variables.write(entry.name, entry.value or "")
        else:
            where = f"{path}.env[{index}].valueFrom"
            _take_from(variables, entry.name, entry.valueFrom, pod, container, where, node, references)
    return variables.finished(container)


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


@dataclass(slots=True)
class _Variables:
    """The environment as it grows. `secret` has the names whose value holds something of a Secret."""

    services: dict[str, str]
    own: dict[str, str] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)
    empty: dict[str, str] = field(default_factory=dict)
    """Variables that are left out and still known to references."""
    known: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.known = ChainMap(self.own, self.empty, self.services)

    def put(self, name: str, value: str, *, secret: bool = False) -> None:
        self.own[name] = value
        (self.secret.add if secret else self.secret.discard)(name)

    def write(self, name: str, text: str) -> None:
        if "$" in text:
            value, secret = self._expanded(text)
            self.put(name, value, secret=secret)
        else:
            self.put(name, text)

    def leave_out(self, name: str) -> None:
        self.own.pop(name, None)
        self.secret.discard(name)
        self.empty[name] = ""

    def finished(self, container: Container) -> ContainerInputs:
        command = [self._expanded(item) for item in container.command or ()]
        args = [self._expanded(item) for item in container.args or ()]
        rest = {name: value for name, value in self.services.items() if name not in self.own}
        return ContainerInputs(
            environment={**self.own, **rest},
            command=tuple(text for text, _ in command),
            args=tuple(text for text, _ in args),
            secret_variables=frozenset(self.secret),
            secret_command=frozenset(index for index, (_, secret) in enumerate(command) if secret),
            secret_args=frozenset(index for index, (_, secret) in enumerate(args) if secret),
        )

    def _expanded(self, text: str) -> tuple[str, bool]:
        secret = bool(self.secret) and any(name in self.secret for _, name in _pieces(text))
        return expand(text, self.known), secret


def _take_all(
    variables: _Variables,
    kind: ObjectKind,
    name: str | None,
    prefix: str | None,
    values: Mapping[str, str | bytes] | Mapping[str, bytes],
    path: str,
    references: References,
) -> None:
    skipped = []
    for key in sorted(values):
        variable = (prefix or "") + key
        if not _NAME.fullmatch(variable):
            skipped.append(variable)
        elif (text := _text(kind, name, key, values[key], path, references)) is not None:
            variables.put(variable, text, secret=kind == "Secret")
    if skipped:
        references.skipped_names(kind, name, skipped, path)


def _take_from(
    variables: _Variables,
    name: str,
    source: EnvVarSource,
    pod: Pod,
    container: Container,
    path: str,
    node: NodeView,
    references: References,
) -> None:
    pod_name = pod.metadata.name if pod.metadata else None
    try:
        if source.fieldRef is not None:
            path = f"{path}.fieldRef"
            text = variable_field(pod, source.fieldRef, node)
            if text is None:
                variables.leave_out(name)
            else:
                variables.put(name, text)
        elif source.resourceFieldRef is not None:
            path = f"{path}.resourceFieldRef"
            variables.put(name, variable_resource(pod, container, source.resourceFieldRef, node))
    except DownwardError as error:
        references.unusable("Pod", pod_name, path, _USE, f"{error} ({path})")
    if source.configMapKeyRef is not None:
        path, ref = f"{path}.configMapKeyRef", source.configMapKeyRef
        found = references.config_map(ref.name, path, _USE, optional=ref.optional)
        _take_key(
            variables,
            name,
            "ConfigMap",
            ref.name,
            ref.key,
            ref.optional,
            found.data if found else None,
            path,
            references,
        )
    elif source.secretKeyRef is not None:
        path, key = f"{path}.secretKeyRef", source.secretKeyRef
        secret = references.secret(key.name, path, _USE, optional=key.optional)
        _take_key(
            variables,
            name,
            "Secret",
            key.name,
            key.key,
            key.optional,
            secret.data if secret else None,
            path,
            references,
        )


def _take_key(
    variables: _Variables,
    variable: str,
    kind: ObjectKind,
    name: str | None,
    key: str,
    optional: bool | None,
    values: Mapping[str, str] | Mapping[str, bytes] | None,
    path: str,
    references: References,
) -> None:
    if values is None:
        return
    if key not in values:
        references.no_key(kind, name, key, path, _USE, optional=optional)
    elif (text := _text(kind, name, key, values[key], path, references)) is not None:
        variables.put(variable, text, secret=kind == "Secret")


def _text(
    kind: ObjectKind, name: str | None, key: str, value: str | bytes, path: str, references: References
) -> str | None:
    """Return what a program can have as a variable's value; a runtime starts no container with anything else."""
    try:
        text = value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    why = (
        f'the value of key "{key}" in {kind} "{name}" is no text, so it can be no environment variable ({path}): mount'
        " it as a file"
    )
    references.unusable(kind, name, path, _USE, why)
    return None


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
