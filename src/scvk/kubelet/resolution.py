"""A pod's inputs, from the pod and the objects that it refers to: pure functions of values.

`needed_objects` says what to read, by the pod's own namespace; `resolve_inputs` makes the inputs of what was read.
Both are for the kubelet, which reads from the API server, and for whoever has the objects in files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lightkube.models.core_v1 import Container, Volume
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.downward import NodeView
from scvk.kubelet.environment import resolve
from scvk.kubelet.input_objects import InputObjects, ObjectKey
from scvk.kubelet.inputs import InputNeeds, MissingInput, MissingReference, PodInputs, SecretContents
from scvk.kubelet.references import References
from scvk.kubelet.service_links import service_variables
from scvk.kubelet.volumes import is_injected_token, volume_files


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known of a pod's inputs: `inputs` lacks what `missing` names, in the order in which a kubelet looks."""

    inputs: PodInputs
    missing: tuple[MissingReference, ...] = ()

    def complete(self) -> PodInputs:
        """Return the inputs. Raises MissingInput where something is missing."""
        if self.missing:
            first = self.missing[0]
            raise MissingInput(
                "; ".join(dict.fromkeys(each.message for each in self.missing)),
                path=first.path,
                reason=first.reason,
                event_reason=first.event_reason,
                missing=self.missing,
            )
        return self.inputs


def needed_objects(pod: Pod, needs: InputNeeds) -> tuple[ObjectKey, ...]:
    """Return each Secret and ConfigMap that `resolve_inputs` looks for, once."""
    found = dict.fromkeys(content_objects(pod, needs))
    found.update(dict.fromkeys(ObjectKey("Secret", name) for _, name in _pull_secrets(pod)))
    found.update(dict.fromkeys(ObjectKey("Secret", each.name) for each in needs.secrets))
    return tuple(found)


def content_objects(pod: Pod, needs: InputNeeds) -> tuple[ObjectKey, ...]:
    """Return each Secret and ConfigMap whose contents containers get, once: as variables, or as files."""
    found: dict[ObjectKey, None] = {}
    for _, volume in _volumes(pod, needs):
        found.update(dict.fromkeys(_of_volume(volume)))
    for _, container in _containers(pod, needs):
        found.update(dict.fromkeys(_of_environment(container)))
    return tuple(found)


def resolve_inputs(pod: Pod, needs: InputNeeds, objects: InputObjects, node: NodeView) -> Resolution:
    """Return the inputs that `needs` names, made of `objects`, which are of the pod's namespace."""
    namespace = (pod.metadata.namespace if pod.metadata else None) or "default"
    references = References(objects, namespace)
    services = service_variables(pod, objects.services) if objects.services else {}
    volumes = {}
    for path, volume in _volumes(pod, needs):
        files = volume_files(pod, volume, path, node, references)
        if files is not None:
            volumes[volume.name] = files
    containers = {
        container.name: resolve(pod, container, path, node, references, services)
        for path, container in _containers(pod, needs)
    }
    pulls = [references.pull_secret(name, path) for path, name in _pull_secrets(pod)]
    inputs = PodInputs(
        containers=containers,
        volumes=volumes,
        pull_secrets=tuple(secret for secret in pulls if secret is not None),
        secrets=_further_secrets(needs, references),
        notices=tuple(references.notices),
    )
    return Resolution(inputs, tuple(references.missing))


def _further_secrets(needs: InputNeeds, references: References) -> Mapping[str, SecretContents]:
    secrets = {each.name: references.annotated_secret(each.name, each.path) for each in dict.fromkeys(needs.secrets)}
    return {name: secret for name, secret in secrets.items() if secret is not None}


def _containers(pod: Pod, needs: InputNeeds) -> Iterator[tuple[str, Container]]:
    """Yield path and container of those that run, in the order in which they do."""
    spec = pod.spec
    for kind in ("initContainers", "containers") if spec else ():
        for index, container in enumerate(getattr(spec, kind) or ()):
            if container.name in needs.containers:
                yield f"spec.{kind}[{index}]", container


def _volumes(pod: Pod, needs: InputNeeds) -> Iterator[tuple[str, Volume]]:
    """Yield path and volume of those that a container mounts that runs."""
    mounted = {mount.name for _, container in _containers(pod, needs) for mount in container.volumeMounts or ()}
    for index, volume in enumerate((pod.spec.volumes if pod.spec else None) or ()):
        if volume.name in mounted and not is_injected_token(volume):
            yield f"spec.volumes[{index}]", volume


def _pull_secrets(pod: Pod) -> Iterator[tuple[str, str]]:
    for index, reference in enumerate((pod.spec.imagePullSecrets if pod.spec else None) or ()):
        if reference.name:  # the API server lets empty names through, and a kubelet passes over them
            yield f"spec.imagePullSecrets[{index}]", reference.name


def _of_volume(volume: Volume) -> Iterator[ObjectKey]:
    if volume.configMap is not None:
        yield ObjectKey("ConfigMap", volume.configMap.name or "")
    elif volume.secret is not None:
        yield ObjectKey("Secret", volume.secret.secretName or "")
    elif volume.projected is not None:
        for source in volume.projected.sources or ():
            if source.secret is not None:
                yield ObjectKey("Secret", source.secret.name or "")
            elif source.configMap is not None:
                yield ObjectKey("ConfigMap", source.configMap.name or "")


def _of_environment(container: Container) -> Iterator[ObjectKey]:
    for source in container.envFrom or ():
        if source.configMapRef is not None:
            yield ObjectKey("ConfigMap", source.configMapRef.name or "")
        elif source.secretRef is not None:
            yield ObjectKey("Secret", source.secretRef.name or "")
    for entry in container.env or ():
        if entry.value or entry.valueFrom is None:
            continue
        if entry.valueFrom.configMapKeyRef is not None:
            yield ObjectKey("ConfigMap", entry.valueFrom.configMapKeyRef.name or "")
        elif entry.valueFrom.secretKeyRef is not None:
            yield ObjectKey("Secret", entry.valueFrom.secretKeyRef.name or "")
