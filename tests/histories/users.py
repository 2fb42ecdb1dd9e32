"""What people and controllers do in a history: pods come, change and go, and hands are laid on groups in the portal."""

from __future__ import annotations

from collections.abc import Callable

from scvk.simulator.problems import Problem
from tests.histories.agent_process import NODE
from tests.histories.changes import COUNTRIES, COUNTRY_LISTS, RESIZE, resized
from tests.histories.told import Told
from tests.histories.workloads import IMAGES, WORKLOADS
from tests.histories.world import World

OURS = "scvk.salad.com/"
_NAMES = tuple(f"web-{number}" for number in range(8))


class Users:
    """Each method is one thing that somebody may do at any time; `steps` has them with their weights."""

    def __init__(self, world: World, told: Told) -> None:
        self._world = world
        self._told = told
        self._random = world.random

    @property
    def steps(self) -> tuple[tuple[Callable[[], None], int], ...]:
        """What may be done, and how often in proportion."""
        return (
            (self._create_pod, 30),
            (self._delete_pod, 14),
            (self._delete_pod_by_force, 5),
            (self._replace_pod, 4),
            (self._edit_metadata, 5),
            (self._edit_image, 2),
            (self._resize, 2),
            (self._delete_group, 3),
            (self._stop_group, 2),
            (self._delete_node, 1),
        )

    def delete_all(self) -> None:
        """Delete every pod."""
        for path in self._world.api.pods():
            self._world.api.delete_pod(path)
        self._told("all pods are deleted")

    def _create_pod(self) -> None:
        self._create(self._random.choice(_NAMES))

    def _create(self, name: str) -> None:
        if f"pods/shop/{name}" in self._world.api.objects:
            return
        workload = self._random.choice(WORKLOADS)
        self._told(f"pod {name} is created: {workload}")
        self._world.create_pod(name, workload)

    def _delete_pod(self) -> None:
        self._delete(grace_s=self._random.choice((30, 30, 1, 600)))

    def _delete_pod_by_force(self) -> None:
        self._delete(grace_s=0)

    def _replace_pod(self) -> None:
        """Do what a StatefulSet does in the worst case: the next of the same name, at once."""
        name = self._delete(grace_s=0)
        if name is not None:
            self._create(name)

    def _delete(self, *, grace_s: int) -> str | None:
        path = self._any_pod()
        if path is None:
            return None
        self._told(f"{path} is deleted, grace period {grace_s} s")
        self._world.api.delete_pod(path, grace_s=grace_s)
        return path.rpartition("/")[2]

    def _edit_metadata(self) -> None:
        path = self._any_pod()
        if path is None:
            return
        kept = self._world.api.objects[path]["metadata"].get("annotations") or {}
        number = str(self._random.randrange(1000))
        match self._random.choice(("label", "annotation", "none", "false")):
            case "label":
                self._told(f"{path} gets a label")
                self._world.api.change(path, {"metadata": {"labels": {"edited": number}}})
            case "annotation":
                self._told(f"{path} gets annotations")
                mine = {COUNTRIES: self._random.choice(COUNTRY_LISTS), "note": number}
                self._world.change_pod(path, {"metadata": {"annotations": mine}})
            case "none":
                self._told(f"{path} loses its annotations")
                self._world.change_pod(path, {"metadata": {"annotations": dict.fromkeys(kept)}})
            case _:
                self._told(f"{path} gets false annotations")
                ours = [
                    name for name in kept if name.startswith(OURS)
                ]  # what the user falsifies of his own is his wish
                self._world.change_pod(path, {"metadata": {"annotations": dict.fromkeys(ours, number)}})

    def _edit_image(self) -> None:
        path = self._any_pod()
        if path is None:
            return
        (container,) = self._world.api.objects[path]["spec"]["containers"]
        image = self._random.choice(IMAGES)
        self._told(f"{path} gets image {image}")
        self._world.change_pod(path, {"spec": {"containers": [{**container, "image": image}]}})

    def _resize(self) -> None:
        path = self._any_pod()
        if path is None:
            return
        (container,) = self._world.api.objects[path]["spec"]["containers"]
        larger, restart = self._random.random() < 0.7, self._random.random() < 0.7
        self._told(f"{path} is made {'larger' if larger else 'smaller'}" + ", with a restart" * restart)
        wish = {"metadata": {"annotations": {RESIZE: "restart" if restart else None}}}
        self._world.change_pod(path, {**wish, "spec": {"containers": [resized(container, larger=larger)]}})

    def _delete_group(self) -> None:
        self._lay_hands_on(self._world.project.delete, "deletes")

    def _stop_group(self) -> None:
        uid = self._lay_hands_on(self._world.project.stop, "stops")
        if uid is not None:
            self._world.stopped.add(uid)

    def _lay_hands_on(self, act: Callable[[str], None], what: str) -> str | None:
        groups = sorted(self._world.own_groups(), key=lambda found: found[1].name)
        if not groups:
            return None
        uid, group = self._random.choice(groups)
        self._told(f"somebody {what} {group.name} in the portal")
        self._world.disturbed.add(uid)
        try:
            act(group.name)
        except Problem as problem:
            self._told(f"in vain: {problem}")
        return uid

    def _delete_node(self) -> None:
        if f"nodes/{NODE}" in self._world.api.objects:
            self._told("somebody deletes the Node")
            self._world.api.remove(f"nodes/{NODE}")

    def _any_pod(self) -> str | None:
        paths = sorted(self._world.api.pods())
        return self._random.choice(paths) if paths else None
