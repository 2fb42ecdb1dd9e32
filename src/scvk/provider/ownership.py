"""Which container groups are ours: the marks on a group, and the name that proves them.

A group carries the pod it was made for in the environment of its container, and its name holds a hash of the same
facts. INVARIANT: a group is ours only if its name equals the name computed from its marks. Without that a group
whose variables somebody copied by hand would be taken for a pod's, and deleted as such.

A group's name can be used only once in a project, for ever; a further try for the same pod takes the next `attempt`,
which changes the hash and so the name. Before the first attempt stands LEGACY_ATTEMPT: the group that the Go program
made for the pod, which carries no marks of ours; see `adoption`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from scvk.saladcloud.models import ContainerGroup

CLUSTER_ID = "SCVK_CLUSTER_ID"
POD_NAMESPACE = "SCVK_POD_NAMESPACE"
POD_NAME = "SCVK_POD_NAME"
POD_UID = "SCVK_POD_UID"
ATTEMPT = "SCVK_ATTEMPT"
NODE = "SCVK_NODE"
SETTINGS = "SCVK_SETTINGS"
"""No mark: which settings of the pod the group has (see `applied`)."""

LEGACY_METADATA = "POD_METADATA_YAML"
RESERVED_NAMES = frozenset({CLUSTER_ID, POD_NAMESPACE, POD_NAME, POD_UID, ATTEMPT, NODE, SETTINGS, LEGACY_METADATA})
"""Variables that a pod may not set: the marks, its settings, and the one by which the Go program knew its groups."""

LEGACY_ATTEMPT = -1
"""The attempt of a group that the Go program made. No mark can say it: attempts on groups are 0 or more."""

# OpenAPI document, ContainerGroupName: ^[a-z][a-z0-9-]{0,61}[a-z0-9]$
_MAX_NAME_LENGTH = 63
# 12 characters of base32 are 60 bits: with a million names ever used in a project, the chance that two of them
# meet is about one in two million.
_HASH_LENGTH = 12
_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class PodMark:
    """The pod that a group was made for.

    `attempt` (0 or more, or LEGACY_ATTEMPT) counts the names used for this pod; `node` is the node that made the group,
    for information only: it is no part of the name, so that a group can be recognised by another node.
    """

    cluster_id: str
    namespace: str
    name: str
    uid: str
    attempt: int
    node: str


@dataclass(frozen=True, slots=True)
class Owned:
    """The group is this cluster's, made for the pod of `mark`."""

    mark: PodMark


@dataclass(frozen=True, slots=True)
class NotOurs:
    """The group is somebody else's: never update, delete or count it. `reason` says what told so."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer does not show the environment: whose group it is cannot be said. Never act on it."""


Ownership = Owned | NotOurs | Unknown


def cluster_id(kube_system_uid: str, extra: str = "") -> str:
    """Return the id of a cluster: the UID of its namespace `kube-system`, which lasts as long as the cluster.

    `extra` (option `--cluster-id`) tells apart clusters that share the UID, as one restored from a copy does.
    """
    return f"{kube_system_uid}/{extra}" if extra else kube_system_uid


@lru_cache(maxsize=8192)  # every listing asks for the name of every group again
def group_name(mark: PodMark) -> str:
    """Return the name of the group: `<namespace>-<name>` cut to fit, and 12 characters of hash.

    2 to 63 of `[a-z0-9-]`, beginning with a letter: dots of a pod's name become hyphens, and a name that would
    begin with a digit is preceded by `k8s-`. For LEGACY_ATTEMPT it is the Go program's, whatever characters it has.
    """
    if mark.attempt == LEGACY_ATTEMPT:
        return legacy_name(mark.namespace, mark.name)
    readable = re.sub("[^a-z0-9-]", "-", f"{mark.namespace}-{mark.name}".lower()).strip("-")
    if not re.match("[a-z]", readable):
        readable = f"k8s-{readable}".rstrip("-")
    # NUL cannot stand in any of the parts, so no two marks give the same bytes.
    facts = "\0".join((mark.cluster_id, mark.uid, str(mark.attempt))).encode("utf-8", "surrogatepass")
    digest = base64.b32encode(hashlib.sha256(facts).digest()).decode("ascii").lower()[:_HASH_LENGTH]
    return f"{readable[: _MAX_NAME_LENGTH - _HASH_LENGTH - 1].rstrip('-')}-{digest}"


def is_an_attempt_for(name: str, mark: PodMark) -> bool:
    """Say whether a group called `name` can only have been made for the pod of `mark`, at whichever attempt.

    The name is compared with those of the first 1,000 attempts; each takes a name that was used up in vain.
    """
    if name[:-_HASH_LENGTH] != group_name(mark)[:-_HASH_LENGTH]:
        return False
    return any(group_name(replace(mark, attempt=attempt)) == name for attempt in range(_ATTEMPTS))


def legacy_name(namespace: str, name: str) -> str:
    """Return the Go program's name for a pod's group; several pods can have the same one."""
    return f"{namespace}-{name}"


def environment(mark: PodMark) -> dict[str, str]:
    """Return the marks as the environment variables to set on the group's container."""
    return {
        CLUSTER_ID: mark.cluster_id,
        POD_NAMESPACE: mark.namespace,
        POD_NAME: mark.name,
        POD_UID: mark.uid,
        ATTEMPT: str(mark.attempt),
        NODE: mark.node,
    }


def mark_of(group: ContainerGroup, *, cluster_id: str) -> Ownership:
    """Say whose group this is, seen from the cluster `cluster_id`."""
    variables = group.container.environment_variables
    if variables is None:
        return Unknown()
    mark = _read(variables)
    if mark is None:
        return NotOurs("it does not carry all marks of ownership")
    if group_name(mark) != group.name:
        return NotOurs("its name does not belong to the marks that it carries")
    if mark.cluster_id != cluster_id:
        return NotOurs("it was made for another cluster")
    return Owned(mark)


def _read(variables: Mapping[str, str]) -> PodMark | None:
    values = [variables.get(name, "") for name in (CLUSTER_ID, POD_NAMESPACE, POD_NAME, POD_UID, NODE)]
    attempt = variables.get(ATTEMPT, "")
    if not all(values) or not re.fullmatch("0|[1-9][0-9]{0,8}", attempt):
        return None
    cluster, namespace, name, uid, node = values
    return PodMark(cluster, namespace, name, uid, int(attempt), node)
