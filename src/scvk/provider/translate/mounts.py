"""From mounts to the files, directories and links that stand in the container when the program starts.

All containers that run share one file system here, one after the other. So a volume that several of them mount at one
place is one directory; a directory (emptyDir) that is mounted at several places stands at the first of them, and the
others are links to it; files (configMap, secret, downwardAPI, projected) are written at each place. Two volumes that
two containers want at the same place cannot both be there: that is refused. An emptyDir that is mounted at /dev/shm
stands there, wherever else it is mounted: that directory is the container's shared memory, and always there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lightkube.models.core_v1 import PodSpec, Volume, VolumeMount

from scvk.kubelet.environment import expand
from scvk.kubelet.inputs import ContainerInputs, PodInputs, VolumeFile
from scvk.kubelet.volumes import is_injected_token
from scvk.provider.translate.finding import Report
from scvk.provider.translate.run_plan import Placed
from scvk.provider.translate.shared_memory import SHARED_MEMORY
from scvk.provider.translate.start_up import DirectoryLink, StartUpFile
from scvk.provider.translate.volumes import kind_of

_FILES = frozenset({"configMap", "downwardAPI", "projected", "secret"})


@dataclass(frozen=True, slots=True)
class Mounted:
    """What stands in the file system. Each path is absolute and stands once."""

    files: tuple[StartUpFile, ...] = ()
    directories: tuple[str, ...] = ()
    links: tuple[DirectoryLink, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mount:
    """One mount, with its place in the pod, in the file system, and in its volume ("" for the whole)."""

    volume: Volume
    kind: str
    path: str
    target: str
    part: str


def mounted(spec: PodSpec, runs: Sequence[Placed], inputs: PodInputs, report: Report) -> Mounted:
    """Return what the mounts of the containers that run need; `runs` in the order in which they run."""
    volumes = {volume.name: volume for volume in spec.volumes or ()}
    scene = _Scene(report)
    for placed in runs:
        own = inputs.containers.get(placed.name, ContainerInputs())
        scene.mount(_mounts_of(placed, volumes, own, report), inputs.volumes)
    return scene.result()


def _mounts_of(placed: Placed, volumes: Mapping[str, Volume], own: ContainerInputs, report: Report) -> list[_Mount]:
    """Return the mounts that matter, the outer ones first: an inner one hides what an outer one has there."""
    found: list[_Mount] = []
    for index, mount in enumerate(placed.container.volumeMounts or ()):
        volume = volumes.get(mount.name)
        if volume is None or is_injected_token(volume):
            continue
        kind = kind_of(volume)
        if kind != "emptyDir" and kind not in _FILES:
            continue
        path = f"{placed.path}.volumeMounts[{index}]"
        part = _part(mount, own, path, report)
        target = posixpath.normpath(f"/{mount.mountPath}").replace("//", "/", 1)
        if "\0" in target:
            report.refuse(f"{path}.mountPath", "InvalidMountPath", "The path has a null character")
        elif target == "/":
            report.refuse(f"{path}.mountPath", "InvalidMountPath", "Nothing can be mounted over the whole container")
        elif part is not None:
            found.append(_Mount(volume, kind, path, target, part))
    return sorted(found, key=lambda mount: mount.target.count("/"))


def _part(mount: VolumeMount, own: ContainerInputs, path: str, report: Report) -> str | None:
    where, part = f"{path}.subPath", mount.subPath or ""
    if mount.subPathExpr:
        where = f"{path}.subPathExpr"
        known = _Known(own.environment)
        part = expand(mount.subPathExpr, known)
        told = sorted(known.asked & own.secret_variables)
        if told:
            # Paths stand in the script, and in what it says when it fails.
            report.refuse(
                where,
                "InvalidSubPath",
                f"The variable {told[0]} holds something of a Secret, and a path would show it; use another variable",
            )
            return None
        if known.missing:
            report.refuse(where, "InvalidSubPath", f"There is no variable {known.missing[0]} in the environment")
            return None
    if part.startswith("/") or ".." in part.split("/") or "\0" in part:
        report.refuse(where, "InvalidSubPath", "A path within a volume must be relative and without ..")
        return None
    clean = posixpath.normpath(part) if part else ""
    return "" if clean == "." else clean


def _files_of(
    mounts: Iterable[_Mount], volumes: Mapping[str, Sequence[VolumeFile]]
) -> dict[str, tuple[StartUpFile, _Mount]]:
    """Return the files that one container sees, by path."""
    seen: dict[str, tuple[StartUpFile, _Mount]] = {}
    for mount in mounts:
        for hidden in [path for path in seen if _is_within(path, mount.target)]:
            del seen[hidden]
        for file in volumes.get(mount.volume.name, ()) if mount.kind in _FILES else ():
            path = _place(file.path, mount)
            if path is not None:
                seen[path] = (StartUpFile(path, file.content, file.mode, file.secret), mount)
    return seen


def _place(name: str, mount: _Mount) -> str | None:
    """Return where a file of the volume stands, None where the mount does not show it."""
    if name == mount.part:
        return mount.target
    if not mount.part:
        return posixpath.join(mount.target, name)
    inner = name.removeprefix(f"{mount.part}/")
    return posixpath.join(mount.target, inner) if inner != name else None


class _Scene:
    """The file system as it comes together, container by container."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._claims: dict[str, _Mount] = {}
        self._files: dict[str, tuple[StartUpFile, _Mount]] = {}
        self._empty: dict[str, None] = {}
        self._directories: list[_Mount] = []

    def mount(self, mounts: Sequence[_Mount], volumes: Mapping[str, Sequence[VolumeFile]]) -> None:
        """Take in what one container mounts."""
        for mount in mounts:
            self._claim(mount)
        self._directories += [mount for mount in mounts if mount.kind == "emptyDir"]
        files = _files_of(mounts, volumes)
        filled = {mount.path for _, mount in files.values()}
        for mount in mounts:
            # A part of the volume that does not exist is an empty directory, as a kubelet makes one.
            if mount.kind in _FILES and mount.volume.name in volumes and mount.path not in filled:
                self._empty[mount.target] = None
        for file, mount in files.values():
            self._add(file, mount)

    def _claim(self, mount: _Mount) -> None:
        """Let the mount have its place; files of several volumes can stand side by side, directories cannot."""
        holder = self._claims.setdefault(mount.target, mount)
        same = (holder.volume.name, holder.part) == (mount.volume.name, mount.part)
        if not same and "emptyDir" in (holder.kind, mount.kind):
            self._conflict(mount, f"another container mounts the volume {holder.volume.name} at {mount.target}")

    def _add(self, file: StartUpFile, mount: _Mount) -> None:
        there, _ = self._files.setdefault(file.path, (file, mount))
        if (there.content, there.mode) != (file.content, file.mode):
            self._conflict(mount, f"two containers want different files at {file.path}")

    def _conflict(self, mount: _Mount, why: str) -> None:
        self._report.refuse(
            f"{mount.path}.mountPath",
            "MountConflict",
            f"All containers that run in the pod share one file system, and {why}; give the mounts different paths",
        )

    def result(self) -> Mounted:
        """Return everything; refuses files that would have to be directories as well."""
        directories, links = self._placed()
        taken = {*directories, *links, *self._files, *self._empty}
        parents = {parent for path in taken for parent in _parents(path)}
        for path, (_, mount) in self._files.items():
            if path in parents or path in directories or path in links:
                self._conflict(mount, f"{path} would be a file and a directory")
        for mount in self._directories:
            if mount.target in directories and mount.target in links:
                self._conflict(mount, f"{mount.target} would be a directory and a link to another")
            link = links.get(mount.target)
            if link is not None and (_is_within(link.path, link.target) or _is_within(link.target, link.path)):
                self._conflict(mount, f"{link.path} would be a link to {link.target}, and one lies in the other")
        return Mounted(
            tuple(self._files[path][0] for path in sorted(self._files)),
            tuple(sorted({*directories, *self._empty} - {*links, *self._files})),
            tuple(links[path] for path in sorted(links)),
        )

    def _placed(self) -> tuple[set[str], dict[str, DirectoryLink]]:
        """Of one volume, or part of it, the first mount is a directory and the others are links to it."""
        homes = self._shared_memory()
        directories: set[str] = set()
        links: dict[str, DirectoryLink] = {}
        for mount in sorted(self._directories, key=lambda each: len(each.part)):
            home = _home(mount, homes)
            homes.setdefault((mount.volume.name, mount.part), home)
            if home != mount.target:
                links[mount.target] = DirectoryLink(mount.target, home)
            elif home == SHARED_MEMORY:
                continue
            directories.add(home)
        return directories, links

    def _shared_memory(self) -> dict[tuple[str, str], str]:
        """Return the home of what is mounted at /dev/shm, which can be no link to another directory."""
        homes: dict[tuple[str, str], str] = {}
        for mount in self._directories:
            if mount.target != SHARED_MEMORY or (mount.volume.name, mount.part) in homes:
                continue
            homes[mount.volume.name, mount.part] = SHARED_MEMORY
            outer = [
                each
                for each in self._directories
                if each.volume.name == mount.volume.name and mount.part.startswith(f"{each.part}/" if each.part else "")
            ]
            if any(each.part != mount.part for each in outer):
                self._conflict(mount, f"{SHARED_MEMORY} cannot be a part of a volume that is mounted elsewhere")
        return homes


def _home(mount: _Mount, homes: Mapping[tuple[str, str], str]) -> str:
    """Return where the mount's part of its volume stands: in an outer part, where that has a place already."""
    part, rest = mount.part, ""
    while True:
        home = homes.get((mount.volume.name, part))
        if home is not None:
            return posixpath.join(home, rest) if rest else home
        if not part:
            return mount.target
        part, last = posixpath.split(part)
        rest = posixpath.join(last, rest) if rest else last


def _parents(path: str) -> Iterable[str]:
    while path != "/":
        path = posixpath.dirname(path)
        yield path


class _Known(dict[str, str]):
    """Variables that note which ones were asked for, and which of them in vain."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()
        self.missing: list[str] = []

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        if name not in self:
            self.missing.append(name)
        return super().get(name, default)


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")
