"""The downward API: fields of a pod, and resources of its containers, as text.

The rules are those of the kubelet (`podFieldSelectorRuntimeValue` in pkg/kubelet/kubelet_pods.go, pkg/fieldpath,
pkg/api/v1/resource/helpers.go and kubelet_resources.go, read at v1.37.2):

- a variable may have fields of the node and the pod's addresses, a volume only those of `metadata`;
- all labels or annotations are one line each, sorted, with the value quoted as Go quotes it;
- a resource is rounded up to whole divisors; cpu is counted in thousandths before;
- a limit that is not set, or zero, is the pod's own limit (for variables), else what the node can give.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lightkube.models.core_v1 import Container, ObjectFieldSelector, ResourceFieldSelector
from lightkube.resources.core_v1 import Pod

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity

_OVERCOMMITTED = ("cpu", "memory", "ephemeral-storage")
"""Resources whose limit falls back to more than the container's own; huge pages are never given twice."""
_POD_LEVEL = ("cpu", "memory")
_HUGE_PAGES = "hugepages-"
_MILLI = Fraction(1, 1000)

_SUBSCRIPTED = re.compile(r"(?P<map>.+?)\['(?P<key>.*)'\]", re.DOTALL)
# IsQualifiedName: an optional DNS subdomain and a slash, then a name of 1 to 63.
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_QUALIFIED = re.compile(
    rf"(?:(?=.{{1,253}}/){_LABEL}(?:\.{_LABEL})*/)?(?=.{{1,63}}$)[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
)


@dataclass(frozen=True, slots=True)
class NodeView:
    """What the downward API tells of the node that a pod runs on. `allocatable` in Kubernetes' quantities.

    `pod_ip` is the address that every pod of the node gets; empty where pods have none.
    """

    name: str = ""
    addresses: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)
    pod_ip: str = ""


class DownwardError(ValueError):
    """The pod asks for a field or resource that there is not; the text says which."""


def variable_field(pod: Pod, selector: ObjectFieldSelector, node: NodeView) -> str | None:
    """Return the field's text; None for the address of a pod that has none. Raises DownwardError."""
    if (selector.apiVersion or "v1") != "v1":
        raise DownwardError(f"unsupported pod version: {selector.apiVersion}")
    match selector.fieldPath:
        case "spec.nodeName" | "spec.host":
            return (pod.spec.nodeName if pod.spec else None) or node.name
        case "spec.serviceAccountName":
            return (pod.spec.serviceAccountName if pod.spec else None) or "default"
        case "status.hostIP":
            return node.addresses[0] if node.addresses else ""
        case "status.hostIPs":
            return ",".join(node.addresses)
        case "status.podIP":
            return (pod.status.podIP if pod.status else None) or node.pod_ip or None
        case "status.podIPs":
            addresses = (pod.status.podIPs if pod.status else None) or ()
            return ",".join(address.ip or "" for address in addresses) or node.pod_ip or None
        case _:
            return metadata_field(pod, selector.fieldPath)


def metadata_field(pod: Pod, path: str) -> str:
    """Return what a volume may have of a pod. Raises DownwardError."""
    metadata = pod.metadata
    labels, annotations = (metadata.labels or {}, metadata.annotations or {}) if metadata else ({}, {})
    if subscripted := _SUBSCRIPTED.fullmatch(path):
        return _entry(subscripted["map"], subscripted["key"], labels, annotations)
    match path:
        case "metadata.annotations":
            return _lines(annotations)
        case "metadata.labels":
            return _lines(labels)
        case "metadata.name":
            return (metadata.name if metadata else None) or ""
        case "metadata.namespace":
            return (metadata.namespace if metadata else None) or "default"
        case "metadata.uid":
            return (metadata.uid if metadata else None) or ""
        case _:
            raise DownwardError(f"unsupported fieldPath: {path}")


def variable_resource(pod: Pod, container: Container, selector: ResourceFieldSelector, node: NodeView) -> str:
    """Return a resource of `container`, or of the one that the selector names. Raises DownwardError."""
    defaults = dict(node.allocatable)
    of_pod = (pod.spec.resources.limits if pod.spec and pod.spec.resources else None) or {}
    defaults.update({name: of_pod[name] for name in _POD_LEVEL if name in defaults and _quantity(of_pod.get(name))})
    if not selector.containerName:
        return _resource(container, selector, defaults)
    named, is_init = _container(pod, selector.containerName)
    # The kubelet fills in the limits of the pod's containers, not of its init containers.
    return _resource(named, selector, {} if is_init else defaults)


def volume_resource(pod: Pod, selector: ResourceFieldSelector, node: NodeView) -> str:
    """Return a resource of the container that the selector names. Raises DownwardError."""
    named, _ = _container(pod, selector.containerName or "")
    return _resource(named, selector, node.allocatable)


def _entry(path: str, key: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    if path not in ("metadata.labels", "metadata.annotations"):
        raise DownwardError(f"{path} takes no key in brackets")
    # Keys of annotations may have capitals in their prefix: the API server lowers them before it looks.
    if not _QUALIFIED.fullmatch(key.lower() if path == "metadata.annotations" else key):
        raise DownwardError(f"{key!r} can be no key of {path}")
    return (labels if path == "metadata.labels" else annotations).get(key, "")


def _lines(entries: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={go_quoted(entries[key])}" for key in sorted(entries))


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def go_quoted(text: str) -> str:
    """Return `text` in double quotes, escaped as Go's strconv.Quote does."""
    return '"' + "".join(map(_go_character, text)) + '"'


def _go_character(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _container(pod: Pod, name: str) -> tuple[Container, bool]:
    spec = pod.spec
    for containers, is_init in ((spec.containers, False), (spec.initContainers, True)) if spec else ():
        for container in containers or ():
            if container.name == name:
                return container, is_init
    raise DownwardError(f"container {name} not found")


def _resource(container: Container, selector: ResourceFieldSelector, default_limits: Mapping[str, str]) -> str:
    kind, _, name = selector.resource.partition(".")
    if kind not in ("limits", "requests") or not (name in _OVERCOMMITTED or name.startswith(_HUGE_PAGES)):
        raise DownwardError(f"unsupported container resource: {selector.resource}")
    limits = (container.resources.limits if container.resources else None) or {}
    requests = (container.resources.requests if container.resources else None) or {}
    if kind == "limits":
        amount = _quantity(limits.get(name))
        if amount == 0 and name in _OVERCOMMITTED:
            amount = _quantity(default_limits.get(name))
    else:  # a request that is not set is the limit: the API server writes it into the pod, a manifest may lack it
        amount = _quantity(requests.get(name, limits.get(name)))
    divisor = _quantity(selector.divisor) or Fraction(1)
    if divisor < 0:
        raise DownwardError(f"a divisor below zero: {selector.divisor}")
    unit = _MILLI if name == "cpu" else Fraction(1)
    return str(ceil_in(Fraction(_whole(amount, unit)), _whole(divisor, unit)))


def _whole(amount: Fraction, unit: Fraction) -> int:
    return ceil_in(amount / unit, 1)


def _quantity(written: str | float | None) -> Fraction:
    try:
        return parse_quantity(written) if written is not None else Fraction(0)
    except InvalidQuantityError as error:
        raise DownwardError(str(error)) from error
