"""Sorts the objects of manifests: workloads, the objects that pods refer to, and everything else.

What makes no pod is passed over. What would not do what it looks like is an error: an object without a kind, a
workload of an API version that Kubernetes no longer serves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from lightkube.models import apps_v1, batch_v1, core_v1
from lightkube.resources import core_v1 as resources

from scvk.kubelet.input_objects import (
    ConfigMapContents,
    InputObjects,
    UnreadableObjectError,
    config_map_contents,
    secret_contents,
)
from scvk.kubelet.inputs import SecretContents
from scvk.provider.manifests.complaint import Complaint, ManifestError, Source
from scvk.provider.manifests.fields import fitted
from scvk.provider.manifests.pods import Workload, workload_of
from scvk.provider.manifests.templates import with_hints
from scvk.provider.manifests.text import Located, Path, documents, shown

_WORKLOADS: Mapping[str, tuple[str, type[msgspec.Struct]]] = {
    "Pod": ("v1", core_v1.Pod),
    "ReplicationController": ("v1", core_v1.ReplicationController),
    "Deployment": ("apps/v1", apps_v1.Deployment),
    "ReplicaSet": ("apps/v1", apps_v1.ReplicaSet),
    "StatefulSet": ("apps/v1", apps_v1.StatefulSet),
    "DaemonSet": ("apps/v1", apps_v1.DaemonSet),
    "Job": ("batch/v1", batch_v1.Job),
    "CronJob": ("batch/v1", batch_v1.CronJob),
}
_REFERRED: Mapping[str, type[msgspec.Struct]] = {
    "ConfigMap": resources.ConfigMap,
    "Secret": resources.Secret,
    "Namespace": core_v1.Namespace,
    "ServiceAccount": core_v1.ServiceAccount,
}
_DEFAULT_ACCOUNT = "default"
_LONGEST_NAME = 253
# RFC 1123, as the API server has it (IsDNS1123Label, IsDNS1123Subdomain)
_LABEL = re.compile("[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_WORDS = {_LABEL: " and hyphens, 63 at most", _SUBDOMAIN: ", hyphens and dots, 253 at most"}
_GROUPS_OF_KUBERNETES = frozenset({"", "apps", "batch", "extensions"})
_GROUPS_OF_WORKLOADS = frozenset({"apps", "batch"})
_KINDS = {kind.casefold(): kind for kind in (*_WORKLOADS, *_REFERRED)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands: "" as the namespace of one that has none."""

    namespace: str
    name: str


@dataclass(slots=True)
class Manifests:
    """What was read.

    Of two ConfigMaps (and others that pods refer to) of one name the later one counts, as for `kubectl apply`. So it
    does of workloads, yet both are looked at: a second one is a mistake more often than a wish. `repeated` says which
    objects stand twice, differently, and where. `passed_over` names custom resources, which may make pods that nobody
    looked at.
    """

    workloads: list[Workload] = field(default_factory=list)
    config_maps: dict[Place, ConfigMapContents] = field(default_factory=dict)
    secrets: dict[Place, SecretContents] = field(default_factory=dict, repr=False)
    service_accounts: dict[Place, core_v1.ServiceAccount] = field(default_factory=dict)
    namespaces: dict[Place, core_v1.Namespace] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    _read: dict[tuple[str, Place], tuple[str, Any]] = field(default_factory=dict, repr=False)

    def note(self, kind: str, place: Place, where: str, subject: Any) -> None:
        """Note that an object stands at `where`; one that stands elsewhere just as it is, is no matter."""
        before = self._read.get((kind, place))
        self._read[kind, place] = (where, subject)
        if before is not None and before[1] != subject:
            name = f"{place.namespace}/{place.name}" if place.namespace else place.name
            self.repeated.append(f"{kind} {name} stands in {before[0]} and again in {where}")

    def namespace_annotations(self, workload: Workload) -> Mapping[str, str]:
        """Return the annotations of the workload's namespace, as far as it is known."""
        found = self.namespaces.get(namespace_place(workload))
        return (found.metadata.annotations if found is not None and found.metadata is not None else None) or {}

    def inputs_of(self, namespace: str) -> InputObjects:
        """Return the objects that pods of a namespace may refer to."""
        return InputObjects(
            {place.name: found for place, found in self.config_maps.items() if place.namespace == namespace},
            {place.name: found for place, found in self.secrets.items() if place.namespace == namespace},
        )


def namespace_place(workload: Workload) -> Place:
    """Return where the workload's namespace stands."""
    return Place("", workload.namespace)


def account_place(workload: Workload) -> Place:
    """Return where the service account of the workload's pods stands."""
    spec = workload.pod.spec
    return Place(workload.namespace, (spec.serviceAccountName if spec is not None else None) or _DEFAULT_ACCOUNT)


def is_namespace(text: str) -> bool:
    """Say whether the API server would take the text as a namespace's name."""
    return _LABEL.fullmatch(text) is not None


def read_manifests(sources: Iterable[Source], *, namespace: str = "default") -> Manifests:
    """Return the objects of all sources. `namespace` is that of objects which name none.

    Raises ManifestError with everything that is wrong in all of them.
    """
    manifests = Manifests()
    complaints: list[Complaint] = []
    for source in sources:
        try:
            located = documents(source)
        except ManifestError as error:
            complaints += with_hints(error.complaints, source, unreadable=True)
            continue
        if not located:
            complaints.append(Complaint(source.name, None, "there is no object in it"))
        for document in located:
            complaints += with_hints(_read_document(document, manifests, namespace), source)
    if complaints:
        raise ManifestError(complaints)
    return manifests


def _read_document(document: Located, manifests: Manifests, namespace: str) -> Iterator[Complaint]:
    for value, path in _objects(document.value, ()):
        try:
            _read_object(document, value, path, manifests, namespace)
        except ManifestError as error:
            yield from error.complaints


def _objects(value: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield the objects of a document: itself, or the items of a List, also of one such as PodList."""
    if (
        isinstance(value, Mapping)
        and str(value.get("kind", "")).endswith("List")
        and isinstance(value.get("items"), list)
    ):
        kind = str(value["kind"]).removesuffix("List")
        for index, item in enumerate(value["items"]):
            if kind and isinstance(item, Mapping) and "kind" not in item:  # typed lists leave it out
                item = {"apiVersion": value.get("apiVersion"), "kind": kind, **item}  # noqa: PLW2901
            yield from _objects(item, (*path, "items", index))
    else:
        yield value, path


def _read_object(document: Located, value: Any, path: Path, manifests: Manifests, namespace: str) -> None:
    def wrong(message: str, *steps: str) -> ManifestError:
        return ManifestError([Complaint(document.source, document.line((*path, *steps)), message)])

    if not isinstance(value, Mapping):
        raise wrong("this is no Kubernetes object: it has no fields")
    kind, api_version = value.get("kind"), value.get("apiVersion")
    for name, given in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(given, str) or not given:
            raise wrong(f"{shown((*path, name))}: is missing, and required", name)
    assert isinstance(kind, str)
    assert isinstance(api_version, str)
    group = api_version.rpartition("/")[0]
    if group not in _GROUPS_OF_KUBERNETES:
        if "." in group and not group.endswith(".k8s.io"):
            manifests.passed_over.append(f"{kind} ({api_version})")
        return
    served = _WORKLOADS[kind][0] if kind in _WORKLOADS else "v1" if kind in _REFERRED else api_version
    if api_version != served:
        raise wrong(
            f"{shown((*path, 'apiVersion'))}: a {kind} is of {served}; Kubernetes serves no other", "apiVersion"
        )
    if kind in _WORKLOADS:
        subject: Any = fitted(_WORKLOADS[kind][1], document, value, path)
        _check_named(subject.metadata, wrong, path)
        workload = workload_of(kind, subject, namespace)
        manifests.workloads.append(workload)
        if subject.metadata.name:  # generateName alone is no name of one object
            manifests.note(kind, Place(workload.namespace, workload.name), document.place(path), subject)
    elif kind in _REFERRED:
        subject = fitted(_REFERRED[kind], document, value, path)
        _check_named(subject.metadata, wrong, path)
        try:
            place = _keep(kind, subject, manifests, namespace)
            manifests.note(kind, place, document.place(path), subject)
        except UnreadableObjectError as error:
            raise wrong(str(error), "data") from None
    elif (group in _GROUPS_OF_WORKLOADS and kind != "ControllerRevision") or kind.casefold() in _KINDS:
        near = difflib.get_close_matches(kind.casefold(), _KINDS, n=1)
        if near or group:
            hint = f"; did you mean {_KINDS[near[0]]}?" if near else ""
            raise wrong(f"{shown((*path, 'kind'))}: {api_version} has no kind {kind}{hint}", "kind")


def _check_named(metadata: Any, wrong: Any, path: Path) -> None:
    """As the API server does for all kinds; what is more (52 characters for a CronJob) it may say itself."""
    if metadata is None or not (metadata.name or metadata.generateName):
        raise wrong(f"{shown((*path, 'metadata', 'name'))}: is missing, and required", "metadata")
    for step, text, rule in (
        ("name", metadata.name, _SUBDOMAIN),
        ("generateName", f"{metadata.generateName}x" if metadata.generateName else "", _SUBDOMAIN),
        ("namespace", metadata.namespace, _LABEL),
    ):
        if text and (len(text) > _LONGEST_NAME or not rule.fullmatch(text)):
            where = shown((*path, "metadata", step))
            raise wrong(f"{where}: must be of lower-case letters, digits{_WORDS[rule]}", "metadata", step)


def _keep(kind: str, subject: Any, manifests: Manifests, namespace: str) -> Place:
    name = subject.metadata.name or ""
    key = Place("" if kind == "Namespace" else subject.metadata.namespace or namespace, name)
    match kind:
        case "ConfigMap":
            manifests.config_maps[key] = config_map_contents(subject)
        case "Secret":
            manifests.secrets[key] = secret_contents(subject)
        case "ServiceAccount":
            manifests.service_accounts[key] = subject
        case _:
            manifests.namespaces[key] = subject
    return key
