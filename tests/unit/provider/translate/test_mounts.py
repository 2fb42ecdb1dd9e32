"""From mounts to files, directories and links of the one file system that a pod's containers share."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.models.core_v1 import Container, PodSpec

from scvk.kubelet.inputs import ContainerInputs, PodInputs, VolumeFile
from scvk.provider.translate.finding import Report
from scvk.provider.translate.mounts import Mounted, mounted
from scvk.provider.translate.run_plan import Placed
from scvk.provider.translate.start_up import DirectoryLink

VOLUMES: list[dict[str, Any]] = [
    {"name": "config", "configMap": {"name": "c"}},
    {"name": "other", "configMap": {"name": "d"}},
    {"name": "login", "secret": {"secretName": "s"}},
    {"name": "scratch", "emptyDir": {}},
    {"name": "spare", "emptyDir": {}},
    {"name": "none"},
    {"name": "shm", "emptyDir": {"medium": "Memory"}},
    {"name": "disk", "persistentVolumeClaim": {"claimName": "p"}},
]
FILES = {
    "config": (VolumeFile("app.yaml", b"a", 0o644), VolumeFile("conf.d/x", b"x", 0o400)),
    "other": (VolumeFile("app.yaml", b"b", 0o644), VolumeFile("more", b"m", 0o644)),
    "login": (VolumeFile("token", b"t", 0o600, secret=True),),
}
Mount = tuple[str, str] | tuple[str, str, dict[str, Any]]


def seen(
    *containers: list[Mount], environment: dict[str, str] | None = None, secret: frozenset[str] = frozenset()
) -> tuple[Mounted, list[tuple[str, str]]]:
    """Mount (volume, path[, further fields]) in each container; the last is the main one."""
    spec = msgspec.convert({"containers": [], "volumes": VOLUMES}, PodSpec)
    placed = []
    for number, mounts in enumerate(containers):
        fields = [{"name": mount[0], "mountPath": mount[1], **(mount[2] if len(mount) > 2 else {})} for mount in mounts]
        container = msgspec.convert({"name": f"c{number}", "volumeMounts": fields}, Container)
        placed.append(Placed(container, f"c{number}"))
    inputs = PodInputs({"c0": ContainerInputs(environment or {}, secret_variables=secret)}, FILES)
    report = Report()
    found = mounted(spec, placed, inputs, report)
    return found, [(each.path, each.reason_code) for each in report.findings]


def paths(*containers: list[Mount]) -> dict[str, bytes]:
    found, problems = seen(*containers)
    assert problems == []
    return {file.path: file.content for file in found.files}


def test_the_files_of_a_volume_stand_below_its_mount() -> None:
    found, _ = seen([("config", "/etc/app"), ("login", "/run/login/")])
    assert [(file.path, file.content, file.mode, file.secret) for file in found.files] == [
        ("/etc/app/app.yaml", b"a", 0o644, False),
        ("/etc/app/conf.d/x", b"x", 0o400, False),
        ("/run/login/token", b"t", 0o600, True),
    ]


@pytest.mark.parametrize(
    ("sub_path", "expected"),
    [
        ("app.yaml", {"/etc/one": b"a"}),
        ("./app.yaml", {"/etc/one": b"a"}),
        ("conf.d", {"/etc/one/x": b"x"}),
        ("conf.d/x", {"/etc/one": b"x"}),
        ("conf", {}),
        ("", {"/etc/one/app.yaml": b"a", "/etc/one/conf.d/x": b"x"}),
    ],
)
def test_a_sub_path_shows_one_file_or_one_folder(sub_path: str, expected: dict[str, bytes]) -> None:
    assert paths([("config", "/etc/one", {"subPath": sub_path})]) == expected


def test_a_part_that_does_not_exist_is_an_empty_directory() -> None:
    found, problems = seen([("config", "/etc/one", {"subPath": "conf"})])
    assert (found.files, found.directories, problems) == ((), ("/etc/one",), [])


def test_a_sub_path_may_have_variables() -> None:
    found, problems = seen([("scratch", "/data", {"subPathExpr": "$(POD)/x"})], environment={"POD": "web"})
    assert (found.directories, problems) == (("/data",), [])
    _, problems = seen([("scratch", "/data", {"subPathExpr": "$(POD)"})])
    assert problems == [("c0.volumeMounts[0].subPathExpr", "InvalidSubPath")]


def test_a_sub_path_shows_nothing_of_a_secret() -> None:
    mounts: list[Mount] = [("scratch", "/data"), ("scratch", "/more", {"subPathExpr": "$(POD)-$(TOKEN)"})]
    found, problems = seen(mounts, environment={"POD": "web", "TOKEN": "hunter2"}, secret=frozenset({"TOKEN"}))
    assert problems == [("c0.volumeMounts[1].subPathExpr", "InvalidSubPath")]
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("sub_path", ["../x", "/x", "a/../../x", "a\0"])
def test_a_sub_path_stays_in_its_volume(sub_path: str) -> None:
    _, problems = seen([("config", "/etc", {"subPath": sub_path})])
    assert problems == [("c0.volumeMounts[0].subPath", "InvalidSubPath")]


@pytest.mark.parametrize(
    ("written", "target"),
    [("/data", "/data"), ("/data/", "/data"), ("data", "/data"), ("//data//x", "/data/x"), ("/a/../data", "/data")],
)
def test_a_mount_path_is_absolute_and_plain(written: str, target: str) -> None:
    found, _ = seen([("scratch", written)])
    assert found.directories == (target,)


def test_a_volume_without_a_source_is_an_empty_directory() -> None:
    assert seen([("none", "/data")])[0].directories == ("/data",)


def test_an_inner_mount_hides_what_the_outer_one_has_there() -> None:
    assert paths([("other", "/etc/app/conf.d"), ("config", "/etc/app")]) == {
        "/etc/app/app.yaml": b"a",
        "/etc/app/conf.d/app.yaml": b"b",
        "/etc/app/conf.d/more": b"m",
    }
    assert paths([("config", "/etc/app"), ("other", "/etc/app/app.yaml", {"subPath": "more"})]) == {
        "/etc/app/app.yaml": b"m",
        "/etc/app/conf.d/x": b"x",
    }


def test_one_volume_may_be_mounted_at_several_paths_and_by_several_containers() -> None:
    assert paths([("login", "/a")], [("login", "/a"), ("login", "/b")]) == {"/a/token": b"t", "/b/token": b"t"}


def test_an_empty_directory_is_one_for_all_its_mounts() -> None:
    found, problems = seen([("scratch", "/work")], [("scratch", "/data"), ("scratch", "/work"), ("spare", "/spare")])
    assert problems == []
    assert found.directories == ("/spare", "/work")
    assert found.links == (DirectoryLink("/data", "/work"),)


def test_parts_of_an_empty_directory_stand_in_the_whole_of_it() -> None:
    found, _ = seen(
        [("scratch", "/logs", {"subPath": "var/log"}), ("scratch", "/log", {"subPath": "var/log"})],
        [("scratch", "/all")],
    )
    assert found.directories == ("/all", "/all/var/log")
    assert found.links == (DirectoryLink("/log", "/all/var/log"), DirectoryLink("/logs", "/all/var/log"))


def test_parts_alone_are_directories_of_their_own() -> None:
    found, _ = seen([("scratch", "/one", {"subPath": "1"}), ("scratch", "/two", {"subPath": "2"})])
    assert (found.directories, found.links) == (("/one", "/two"), ())


SHM = "/dev/shm"


@pytest.mark.parametrize(
    ("containers", "directories", "links"),
    [
        pytest.param([[("shm", SHM)], [("shm", SHM)]], [], {}, id="by an init container too"),
        pytest.param([[("shm", "/cache"), ("shm", SHM)]], [SHM], {"/cache": SHM}, id="elsewhere first"),
        pytest.param(
            [[("shm", "/cache")], [("shm", SHM)]], [SHM], {"/cache": SHM}, id="elsewhere by an init container"
        ),
        pytest.param([[("shm", SHM)], [("shm", "/cache")]], [SHM], {"/cache": SHM}, id="there by an init container"),
        pytest.param(
            [[("shm", SHM), ("shm", "/cache", {"subPath": "a/b"})]],
            [f"{SHM}/a/b"],
            {"/cache": f"{SHM}/a/b"},
            id="a part elsewhere",
        ),
        pytest.param([[("shm", SHM, {"subPath": "a"})]], [], {}, id="a part there"),
        pytest.param(
            [[("shm", SHM, {"subPath": "a"}), ("shm", "/x", {"subPath": "a/b"}), ("shm", "/y", {"subPath": "c"})]],
            [f"{SHM}/b", "/y"],
            {"/x": f"{SHM}/b"},
            id="parts there and elsewhere",
        ),
        pytest.param([[("scratch", SHM), ("scratch", "/work")]], [SHM], {"/work": SHM}, id="one that is to be on disk"),
    ],
)
def test_what_is_mounted_as_shared_memory_stands_there(
    containers: list[list[Mount]], directories: list[str], links: dict[str, str]
) -> None:
    found, problems = seen(*containers)
    assert problems == []
    assert list(found.directories) == directories
    assert {link.path: link.target for link in found.links} == links


@pytest.mark.parametrize(
    "containers",
    [
        [[("shm", SHM, {"subPath": "a"}), ("shm", "/cache")]],
        [[("shm", SHM)], [("scratch", SHM)]],
        [[("shm", SHM), ("shm", f"{SHM}/again")]],
        [[("scratch", "/work"), ("scratch", "/work/again")]],
    ],
    ids=["a part of what stands elsewhere", "two volumes", "within itself", "a directory within itself"],
)
def test_what_no_link_can_do_is_refused(containers: list[list[Mount]]) -> None:
    _, problems = seen(*containers)
    assert {code for _, code in problems} == {"MountConflict"}


def test_shared_memory_and_unsupported_volumes_leave_nothing() -> None:
    assert seen([("shm", "/dev/shm"), ("disk", "/data"), ("gone", "/x")]) == (Mounted(), [])
    assert seen([("shm", "/cache")])[0].directories == ("/cache",)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([("config", "/etc/app")], [("other", "/etc/app")]),
        ([("scratch", "/work")], [("spare", "/work")]),
        ([("scratch", "/work")], [("config", "/work")]),
        ([("scratch", "/work")], [("scratch", "/work", {"subPath": "a"})]),
        ([("config", "/etc/app", {"subPath": "app.yaml"})], [("config", "/etc/app/app.yaml")]),
        ([("config", "/etc/app", {"subPath": "app.yaml"})], [("scratch", "/etc/app")]),
    ],
    ids=["files", "directories", "both", "parts", "file and folder", "file and directory"],
)
def test_two_containers_cannot_have_different_things_at_one_path(first: list[Mount], second: list[Mount]) -> None:
    _, problems = seen(first, second)
    assert problems
    assert {code for _, code in problems} == {"MountConflict"}


def test_nothing_can_be_mounted_over_the_whole_container() -> None:
    _, problems = seen([("scratch", "/")])
    assert problems == [("c0.volumeMounts[0].mountPath", "InvalidMountPath")]


def test_nothing_can_be_mounted_below_a_file() -> None:
    _, problems = seen([("config", "/a", {"subPath": "app.yaml"}), ("config", "/a/b", {"subPath": "gone"})])
    assert problems == [("c0.volumeMounts[0].mountPath", "MountConflict")]


def test_different_files_of_two_volumes_stand_side_by_side() -> None:
    assert paths([("login", "/etc/app")], [("config", "/etc/app")]) == {
        "/etc/app/app.yaml": b"a",
        "/etc/app/conf.d/x": b"x",
        "/etc/app/token": b"t",
    }


_PATHS = st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/c", "a", "/a/app.yaml", "/dev/shm"])
_MOUNTS = st.lists(
    st.tuples(
        st.sampled_from([str(volume["name"]) for volume in VOLUMES]),
        _PATHS,
        st.fixed_dictionaries({}, optional={"subPath": st.sampled_from(["", "a", "a/b", "app.yaml", "conf.d"])}),
    ),
    max_size=4,
)


@given(st.lists(_MOUNTS, min_size=1, max_size=3))
def test_each_path_stands_once_and_links_lead_to_directories(containers: list[list[Any]]) -> None:
    found, problems = seen(*containers)
    if problems:
        return
    files = [file.path for file in found.files]
    links = [link.path for link in found.links]
    everything = [*files, *found.directories, *links]
    assert len(set(everything)) == len(everything)
    assert {link.target for link in found.links} <= set(found.directories)
    for path in everything:
        assert path.startswith("/")
        assert not any(path.startswith(f"{file}/") for file in files)
