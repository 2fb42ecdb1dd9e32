"""The resources that a group gives its container, as a container's status tells them.

`limits` is what the machine must have for the group: more than the pod asked for where SaladCloud knows whole steps
only. `requests` is what the pod asked for and got of it. Both in Kubernetes' canonical form: another spelling would
differ from what the API server stores, and be written again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from lightkube.models.core_v1 import Container, ResourceRequirements

from scvk.kubelet.quantities import InvalidQuantityError, parse_quantity
from scvk.saladcloud.models import ContainerResources

MEBIBYTE = 1024 * 1024
_BINARY_SUFFIXES = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def granted(container: Container, given: ContainerResources | None) -> ResourceRequirements | None:
    """Return what was granted; None where SaladCloud does not show it."""
    if given is None:
        return None
    amounts: dict[str, int | None] = {
        "cpu": given.cpu,
        "memory": None if given.memory is None else given.memory * MEBIBYTE,
        "ephemeral-storage": given.storage_amount,
    }
    wanted: Mapping[str, str] = (container.resources.limits if container.resources else None) or {}
    limits = {
        name: str(amount) if name == "cpu" else in_bytes(amount) for name, amount in amounts.items() if amount
    } | {name: quantity for name, quantity in wanted.items() if name not in amounts}
    asked: Mapping[str, str] = (container.resources.requests if container.resources else None) or {}
    requests = {
        name: limits[name] if name in limits and _is_more(quantity, limits[name]) else quantity
        for name, quantity in asked.items()
    }
    return ResourceRequirements(limits=limits or None, requests=requests or None)


def in_bytes(amount: int) -> str:
    """Return a number of bytes in the canonical form of a binary quantity: the largest suffix that is exact."""
    suffix = ""
    for larger in _BINARY_SUFFIXES:
        if amount == 0 or amount % 1024:
            break
        amount, suffix = amount // 1024, larger
    return f"{amount}{suffix}"


def _is_more(asked: str, given: str) -> bool:
    try:
        return Fraction(parse_quantity(asked)) > parse_quantity(given)
    except InvalidQuantityError:
        return False
