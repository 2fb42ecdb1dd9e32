"""The GPU classes on offer: the packaged ones, and how many machines of each are online."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from scvk.saladcloud.models import GpuClass, packaged_classes


@cache
def gpu_classes() -> dict[str, GpuClass]:
    """All classes by id."""
    return {each.gpu_class.id: each.gpu_class for each in packaged_classes()}


def machines_online(class_ids: Iterable[str]) -> int:
    """How many machines have a GPU of one of the classes; unknown ids count nothing."""
    asked = {class_id.lower() for class_id in class_ids}
    return sum(each.machines for each in packaged_classes() if each.gpu_class.id in asked)
