"""The environment, command and arguments of a container, with `$(NAME)` references expanded as Kubernetes does.

The rules are those of the kubelet (`makeEnvironmentVariables` in pkg/kubelet/kubelet_pods.go and
third_party/forked/golang/expansion, read at v1.37.2):

- entries are taken in order, and a reference sees only what stands before it; a later entry of the same name wins;
- `$(NAME)` becomes the value of NAME, or stays as it is written where NAME is not known;
- `$$` is an escaped `$`, so `$$(NAME)` ends as the text `$(NAME)`; any other `$` stands for itself;
- what a reference brings in is not expanded again;
- `command` and `args` see the finished environment; commands of exec probes see only the literal `value`s.

Values that come from elsewhere (`valueFrom`, `envFrom`) are named, each with its path, and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lightkube.models.core_v1 import Container, EnvVar, Pod

from scvk.kubelet.inputs import ContainerInputs, PodInputs

FIRST_CONTAINER = "spec.containers[0]"
"""Where the container stands that a provider runs."""


@dataclass(frozen=True, slots=True)
class UnresolvedEntry:
    """An entry whose value stands somewhere else.

    `path` is where in the pod, such as `spec.containers[0].env[2].valueFrom`; `source` is what it refers to, such
    as `secretKeyRef`; `variable` is the variable that lacks a value, None for an `envFrom` (it may bring many).
    """

    path: str
    source: str
    variable: str | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """Every value is known."""

    inputs: ContainerInputs


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Some values are not known: `inputs` lacks them, and references to them stand unexpanded."""

    inputs: ContainerInputs
    entries: tuple[UnresolvedEntry, ...]


Resolution = Resolved | Unresolved


def resolve_inputs(pod: Pod) -> PodInputs:
    """Return what is known of the inputs of the pod's first container, the one that a provider runs.

    What is not known is left out (see `Unresolved`): a provider must refuse the entries that
    `unresolved_entries` names.
    """
    containers = (pod.spec.containers if pod.spec else None) or ()
    if not containers:
        return PodInputs()
    return PodInputs({containers[0].name: resolve(containers[0], FIRST_CONTAINER).inputs})


def resolve(container: Container, path: str) -> Resolution:
    """Return what `container` runs with. `path` is where it stands in the pod, such as `spec.containers[0]`."""
    environment: dict[str, str] = {}
    for entry in container.env or ():
        if entry.value:
            environment[entry.name] = expand(entry.value, environment)
        elif entry.valueFrom is None:
            environment[entry.name] = ""
    inputs = ContainerInputs(
        environment=environment,
        command=tuple(expand(item, environment) for item in container.command or ()),
        args=tuple(expand(item, environment) for item in container.args or ()),
    )
    entries = unresolved_entries(container, path)
    return Unresolved(inputs, entries) if entries else Resolved(inputs)


def unresolved_entries(container: Container, path: str) -> tuple[UnresolvedEntry, ...]:
    """Name each entry of `envFrom` and each `valueFrom`, in the order in which Kubernetes reads them."""
    found = [
        UnresolvedEntry(f"{path}.envFrom[{index}]", _present(source, ("configMapRef", "secretRef")), None)
        for index, source in enumerate(container.envFrom or ())
    ]
    # The kubelet looks at `valueFrom` only where `value` is empty; the API server refuses both at once.
    found += [
        UnresolvedEntry(f"{path}.env[{index}].valueFrom", _present(entry.valueFrom, _VALUE_SOURCES), entry.name)
        for index, entry in enumerate(container.env or ())
        if entry.valueFrom is not None and not entry.value
    ]
    return tuple(found)


def expand_static(items: Iterable[str], env: Iterable[EnvVar]) -> tuple[str, ...]:
    """Expand the command of an exec probe: references see the literal `value` of each entry, itself unexpanded.

    A variable from elsewhere counts as empty here, as in the kubelet (`ExpandContainerCommandOnlyStatic`).
    """
    values = {entry.name: entry.value or "" for entry in env}
    return tuple(expand(item, values) for item in items)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with its references replaced; see the module docstring for the rules."""
    pieces: list[str] = []
    done = 0
    while (at := text.find("$", done)) != -1 and at + 1 < len(text):
        pieces.append(text[done:at])
        following = text[at + 1]
        closing = text.find(")", at + 2) if following == "(" else -1
        if closing != -1:
            name = text[at + 2 : closing]
            pieces.append(variables.get(name, f"$({name})"))
            done = closing + 1
        else:
            pieces.append("$" if following == "$" else f"${following}")
            done = at + 2
    pieces.append(text[done:])
    return "".join(pieces)


_VALUE_SOURCES = ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")


def _present(source: object, names: tuple[str, ...]) -> str:
    return next((name for name in names if getattr(source, name, None) is not None), "an unknown source")
