"""The pod that a workload's controller would make: its template, and what the controller adds to it.

One pod stands for all replicas. Of what differs from pod to pod the first one's is taken: the ordinal 0 of a
StatefulSet, the index 0 of an indexed Job. Names that Kubernetes draws by lot are not invented: the pod is called as
its workload is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from lightkube.models.apps_v1 import DaemonSet, Deployment, ReplicaSet, StatefulSet
from lightkube.models.batch_v1 import CronJob, Job, JobSpec
from lightkube.models.core_v1 import (
    EnvVar,
    EnvVarSource,
    ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource,
    PodSpec,
    PodTemplateSpec,
    ReplicationController,
    Volume,
)
from lightkube.models.core_v1 import Pod as PodModel
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.core_v1 import Pod

WorkloadObject: TypeAlias = (
    PodModel | Deployment | ReplicaSet | StatefulSet | DaemonSet | Job | CronJob | ReplicationController
)

STAND_IN_UID = "00000000-0000-0000-0000-000000000000"
"""The UID of what has none yet: the API server draws it."""
_STAND_IN_HASH = "0000000000"
"""The hash of a template, which only the controller makes: as long as one, and of no template."""
_INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index"
_OWNERS = {
    "Deployment": ("apps/v1", "ReplicaSet"),
    "ReplicaSet": ("apps/v1", "ReplicaSet"),
    "StatefulSet": ("apps/v1", "StatefulSet"),
    "DaemonSet": ("apps/v1", "DaemonSet"),
    "Job": ("batch/v1", "Job"),
    "CronJob": ("batch/v1", "Job"),
    "ReplicationController": ("v1", "ReplicationController"),
}


_LABELS_OF_CONTROLLERS = {
    "Deployment": {"pod-template-hash": _STAND_IN_HASH},
    "DaemonSet": {"controller-revision-hash": _STAND_IN_HASH, "pod-template-generation": "1"},
}
_LABELS_OF_JOBS = {"batch.kubernetes.io/controller-uid": STAND_IN_UID, "controller-uid": STAND_IN_UID}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of a manifest, and the pod that stands for all of its pods."""

    kind: str
    namespace: str
    name: str
    pod: Pod
    annotations: dict[str, str]
    """Those of the workload itself, and of a CronJob's Jobs; empty for a Pod, whose own they are."""


def workload_of(kind: str, subject: WorkloadObject, default_namespace: str) -> Workload:
    """Return the workload and its pod. The namespace is `default_namespace` where the object names none."""
    meta = subject.metadata or ObjectMeta()
    namespace = meta.namespace or default_namespace
    name = meta.name or (meta.generateName or "").rstrip("-")
    if isinstance(subject, PodModel):
        own = _changed(meta, name=name, namespace=namespace, uid=meta.uid or STAND_IN_UID)
        return Workload(kind, namespace, name, Pod(metadata=own, spec=subject.spec), {})
    template = _template(subject)
    pod = _pod(template, kind, name, namespace)
    match subject:
        case StatefulSet():
            _as_first_of_set(pod, subject, name)
        case Job():
            _as_job_pod(pod, subject.spec, name)
        case CronJob():
            _as_job_pod(pod, subject.spec.jobTemplate.spec, name)
        case _:
            pass
    return Workload(kind, namespace, name, pod, {**_annotations_of_jobs(subject), **(meta.annotations or {})})


def _annotations_of_jobs(subject: WorkloadObject) -> dict[str, str]:
    meta = subject.spec.jobTemplate.metadata if isinstance(subject, CronJob) else None
    return (meta.annotations if meta is not None else None) or {}


def _template(subject: WorkloadObject) -> PodTemplateSpec:
    match subject:
        case CronJob():
            job = subject.spec.jobTemplate.spec
            return job.template if job is not None else PodTemplateSpec()
        case PodModel():
            return PodTemplateSpec(metadata=subject.metadata, spec=subject.spec)
        case _:
            template = subject.spec.template if subject.spec is not None else None
            return template if template is not None else PodTemplateSpec()


def _pod(template: PodTemplateSpec, kind: str, name: str, namespace: str) -> Pod:
    meta = template.metadata or ObjectMeta()
    api_version, owner = _OWNERS[kind]
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace=namespace,
            uid=STAND_IN_UID,
            labels={**(meta.labels or {}), **_LABELS_OF_CONTROLLERS.get(kind, {})},
            annotations=dict(meta.annotations or {}),
            ownerReferences=[OwnerReference(api_version, owner, name, STAND_IN_UID, controller=True)],
        ),
        spec=_changed(template.spec) if template.spec else None,
    )


def _as_first_of_set(pod: Pod, subject: StatefulSet, name: str) -> None:
    """Add what the StatefulSet's controller adds: the ordinal, the host name, a claim for each template."""
    meta, spec = pod.metadata, pod.spec
    if meta is None or spec is None or subject.spec is None:
        return
    ordinal = (subject.spec.ordinals.start if subject.spec.ordinals else None) or 0
    meta.name = f"{name}-{ordinal}"
    meta.labels = {
        **(meta.labels or {}),
        "controller-revision-hash": f"{name}-{_STAND_IN_HASH}",
        "statefulset.kubernetes.io/pod-name": meta.name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    spec.hostname = meta.name
    spec.subdomain = subject.spec.serviceName or None
    claims = [
        Volume(
            name=each.metadata.name,
            persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName=f"{each.metadata.name}-{meta.name}"),
        )
        for each in subject.spec.volumeClaimTemplates or ()
        if each.metadata is not None and each.metadata.name
    ]
    taken = {claim.name for claim in claims}
    spec.volumes = [*(volume for volume in spec.volumes or () if volume.name not in taken), *claims]


def _as_job_pod(pod: Pod, job: JobSpec | None, name: str) -> None:
    """Add what the Job's controller adds: its name and UID as labels, and the index where the Job is indexed."""
    meta, spec = pod.metadata, pod.spec
    if meta is None or spec is None or job is None:
        return
    meta.labels = {**(meta.labels or {}), **_LABELS_OF_JOBS, "batch.kubernetes.io/job-name": name, "job-name": name}
    if job.completionMode != "Indexed":
        return
    meta.labels = {**meta.labels, _INDEX_ANNOTATION: "0"}
    meta.annotations = {**(meta.annotations or {}), _INDEX_ANNOTATION: "0"}
    spec.hostname = spec.hostname or f"{name}-0"
    source = EnvVarSource(fieldRef=ObjectFieldSelector(fieldPath=f"metadata.annotations['{_INDEX_ANNOTATION}']"))
    for containers in (spec.containers, spec.initContainers or []):
        for index, container in enumerate(containers):
            if all(entry.name != "JOB_COMPLETION_INDEX" for entry in container.env or ()):
                index_variable = EnvVar(name="JOB_COMPLETION_INDEX", valueFrom=source)
                containers[index] = _changed(container, env=[*(container.env or ()), index_variable])


def _changed(struct: Any, **changes: Any) -> Any:
    """Return a shallow copy: lightkube's models are mutable, and a template may be shared by aliases."""
    copy = msgspec.structs.replace(struct, **changes)
    if isinstance(copy, PodSpec):
        copy.containers = list(copy.containers)
        copy.initContainers = list(copy.initContainers) if copy.initContainers else None
    return copy
