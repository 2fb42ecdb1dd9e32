"""What layers leave in a root: the rules of the OCI image specification, and nothing outside of it."""

from __future__ import annotations

import io
import os
import random
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.registry import Limits, RegistryError, TooLarge, Unreadable
from scvk.registry.tree import followed, inside
from scvk.registry.unpacking import Unpacker
from tests.unit.registry.images import COMPRESSIONS, hard_link, member, symlink, tar

LIMITS = Limits()


def unpack(root: Path, *layers: bytes, limits: Limits = LIMITS) -> Unpacker:
    unpacker = Unpacker(root, limits)
    for layer in layers:
        unpacker.apply(io.BytesIO(layer))
    unpacker.finish()
    return unpacker


def listing(root: Path) -> dict[str, Any]:
    """Every path below `root`: a file's content, a link's target as `-> target`, `dir`."""
    found: dict[str, Any] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = "dir" if path.is_dir() else path.read_bytes()
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_compressions(tmp_path: Path, compression: str) -> None:
    content = random.Random(1).randbytes(300_000)
    assert unpack(tmp_path, COMPRESSIONS[compression](tar(member("a/b", content)))).bytes == 300_000
    assert listing(tmp_path) == {"a": "dir", "a/b": content}


def test_a_gzip_of_several_members_is_one_layer(tmp_path: Path) -> None:
    whole = tar(member("a", b"1"), member("b", b"2"))
    gzip = COMPRESSIONS["gzip"]
    unpack(tmp_path, gzip(whole[:700]) + gzip(whole[700:]))
    assert listing(tmp_path) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_long_names(tmp_path: Path, form: int) -> None:
    name = "/".join(["d" * 100] * 4)
    unpack(tmp_path, tar(member(name, b"x"), form=form))
    assert (tmp_path / name).read_bytes() == b"x"


def test_modes_times_and_set_user_id(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        tar(member("bin/", mode=0o555, mtime=1000), member("bin/su", b"x", mode=0o4755, mtime=2000), member("./")),
    )
    assert (tmp_path / "bin").stat().st_mode & 0o555 == 0o555
    assert (tmp_path / "bin").stat().st_mtime == 1000
    assert (tmp_path / "bin" / "su").stat().st_mode & 0o7777 == 0o4755
    assert (tmp_path / "bin" / "su").stat().st_mtime == 2000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_owners_are_kept(tmp_path: Path) -> None:
    entries = [member("home/", uid=1000, gid=1001), member("home/f", uid=1000), member("home/s", uid=1002, mode=0o4755)]
    unpack(tmp_path, tar(*entries, symlink("l", "home")))
    assert [(tmp_path / name).stat().st_uid for name in ("home", "home/f", "home/s")] == [1000, 1000, 1002]
    assert (tmp_path / "home").stat().st_gid == 1001
    assert (tmp_path / "home" / "s").stat().st_mode & 0o4000


def test_links_of_both_kinds(tmp_path: Path) -> None:
    unpack(tmp_path, tar(member("bin/box", b"x"), hard_link("bin/ls", "bin/box"), symlink("bin/sh", "/bin/box")))
    unpack(tmp_path, tar(hard_link("usr/ls", "/bin/ls"), hard_link("usr/sh", "bin/sh")))
    assert (tmp_path / "usr/ls").samefile(tmp_path / "bin/box")
    assert str((tmp_path / "usr/sh").readlink()) == "/bin/box"


def test_a_directory_that_is_a_link_is_followed_inside_the_root(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        tar(member("usr/lib/"), symlink("lib", "usr/lib"), symlink("abs", "/usr"), symlink("up", "../../../usr")),
        tar(member("lib/a", b"1"), member("abs/lib/b", b"2"), member("up/lib/c", b"3")),
    )
    assert sorted(path.name for path in (tmp_path / "usr/lib").iterdir()) == ["a", "b", "c"]


def test_later_members_replace_earlier_ones(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        tar(member("a/b", b"1"), member("c", b"2"), symlink("d", "a"), member("e/"), member("same/x", b"1")),
        tar(member("a", b"now a file"), member("c/f", b"3"), member("d/"), symlink("e", "c"), member("same/")),
    )
    assert listing(tmp_path) == {
        "a": b"now a file", "c": "dir", "c/f": b"3", "d": "dir", "e": "-> c", "same": "dir", "same/x": b"1",
    }  # fmt: skip


def test_a_whiteout_hides_what_lower_layers_have(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        tar(member("a/b", b"1"), member("a/c", b"2"), member("d/e/f", b"3"), symlink("l", "d")),
        tar(member("a/.wh.b"), member(".wh.d"), member(".wh.l"), member(".wh.never-there")),
    )
    assert listing(tmp_path) == {"a": "dir", "a/c": b"2"}


@pytest.mark.parametrize("whiteout_first", [True, False])
def test_a_whiteout_hides_nothing_of_its_own_layer(tmp_path: Path, *, whiteout_first: bool) -> None:
    upper = [member("d/.wh..wh..opq"), member("d/new", b"2"), member("f", b"3"), member(".wh.f"), member("d/sub/y")]
    unpack(
        tmp_path,
        tar(member("d/old", b"1"), member("d/sub/x"), member("f", b"1")),
        tar(*(upper if whiteout_first else reversed(upper))),
    )
    assert listing(tmp_path) == {"d": "dir", "d/new": b"2", "d/sub": "dir", "d/sub/y": b"", "f": b"3"}


def test_device_nodes_are_left_out(tmp_path: Path) -> None:
    unpack(tmp_path, tar(member("dev/sda", type=tarfile.BLKTYPE), member("dev/null", type=tarfile.CHRTYPE)))
    assert listing(tmp_path) == {}
    unpack(tmp_path, tar(member("run/pipe", type=tarfile.FIFOTYPE)))
    assert (tmp_path / "run/pipe").is_fifo()


@pytest.mark.parametrize(
    "layer",
    [
        tar(member("../evil", b"x")),
        tar(member("a/../../evil", b"x")),
        tar(member("/../evil", b"x")),
        tar(hard_link("a", "../../etc/passwd")),
        tar(hard_link("a", "/etc/passwd")),
        tar(member("d/"), hard_link("a", "d")),
        tar(symlink("a", "b"), symlink("b", "a"), member("a/x", b"x")),
        tar(member("a/.wh.", b"x")),
        tar(member("a/.wh...", b"x")),
        tar(member("n" * 300, b"x")),
        tar(member("strange", type=b"Z")),
        b"no tar at all" * 100,
        b"",
        tar(member("a", b"x" * 5000))[:2000],
        COMPRESSIONS["gzip"](tar(member("a", b"x" * 5000)))[:-20],
        COMPRESSIONS["zstd"](tar(member("a", b"x" * 5000)))[:-20],
        b"\x1f\x8b" + b"x" * 100,
        b"\x28\xb5\x2f\xfd" + b"x" * 100,
    ],
    ids=lambda layer: str(len(layer)),
)
def test_layers_that_are_refused(tmp_path: Path, layer: bytes) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(Unreadable) as caught:
        unpack(root, layer)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_content_is_bounded(tmp_path: Path) -> None:
    bomb = COMPRESSIONS["gzip"](tar(member("zeros", bytes(10_000_000))))
    assert len(bomb) < 20_000
    with pytest.raises(TooLarge):
        unpack(tmp_path, bomb, limits=replace(LIMITS, unpacked_bytes=1_000_000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_100_000


def test_content_of_all_layers_together_is_bounded(tmp_path: Path) -> None:
    layers = [tar(member(name, bytes(400_000))) for name in "abc"]
    with pytest.raises(TooLarge):
        unpack(tmp_path, *layers, limits=replace(LIMITS, unpacked_bytes=1_000_000))


def test_members_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        unpack(tmp_path, tar(*(member(f"f{n}") for n in range(20))), limits=replace(LIMITS, unpacked_entries=10))


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    header.size = 4 * 1024**3
    with pytest.raises(Unreadable):
        unpack(tmp_path, header.tobuf(tarfile.USTAR_FORMAT))


def test_unpacking_can_be_called_off(tmp_path: Path) -> None:
    unpacker = Unpacker(tmp_path, LIMITS, cancelled=lambda: True)
    with pytest.raises(InterruptedError):
        unpacker.apply(io.BytesIO(tar(member("a"))))


# --- against a model ---

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
OPERATIONS = st.one_of(
    st.tuples(st.just("file"), PATHS, st.binary(max_size=3)),
    st.tuples(st.just("dir"), PATHS, st.just(b"")),
    st.tuples(st.just("whiteout"), PATHS, st.just(b"")),
    st.tuples(st.just("opaque"), PATHS, st.just(b"")),
)
LAYERS = st.lists(st.lists(OPERATIONS, max_size=6), min_size=1, max_size=4)
Operation = tuple[str, str, bytes]


def as_member(operation: Operation) -> tuple[tarfile.TarInfo, bytes]:
    kind, path, content = operation
    parent, slash, name = path.rpartition("/")
    match kind:
        case "file":
            return member(path, content)
        case "dir":
            return member(path + "/")
        case "whiteout":
            return member(f"{parent}{slash}.wh.{name}")
        case _:
            return member(f"{path}/.wh..wh..opq")


def model(layers: list[list[Operation]]) -> dict[str, Any]:
    """What the specification says, on a dictionary of paths."""
    tree: dict[str, Any] = {}

    def below(path: str) -> list[str]:
        return [other for other in tree if other.startswith(path + "/")]

    for layer in layers:
        own: set[str] = set()
        for kind, path, content in layer:
            ancestors = ["/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 1)]
            if kind in {"file", "dir"}:
                for directory in ancestors:
                    tree[directory] = "dir"
                if kind == "file" or tree.get(path) != "dir":
                    for other in below(path):
                        del tree[other]
                    tree[path] = content if kind == "file" else "dir"
                own.update([*ancestors, path])
            else:
                hidden = below(path) + ([path] if kind == "whiteout" and path in tree else [])
                for other in hidden:
                    if other not in own:
                        del tree[other]
    return tree


@given(LAYERS)
def test_any_layers_leave_what_the_specification_says(layers: list[list[Operation]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        unpack(Path(place), *(tar(*map(as_member, layer)) for layer in layers))
        assert listing(Path(place)) == model(layers)


TARGETS = st.lists(st.sampled_from(["a", "b", "..", "", "outside"]), min_size=1, max_size=5).map("/".join)
MAKERS: list[Callable[[str, str], tuple[tarfile.TarInfo, bytes]]] = [
    lambda path, _target: member(path, b"x"),
    lambda path, _target: member(path + "/"),
    symlink,
    hard_link,
    lambda path, _target: member(f"{path}/.wh..wh..opq"),
    lambda path, _target: member(f".wh.{path}".replace("/", "/.wh.")),
]


@given(st.lists(st.tuples(st.sampled_from(MAKERS), PATHS, TARGETS), max_size=10), st.integers(0, 9))
def test_no_layer_reaches_outside_of_the_root(
    steps: list[tuple[Callable[[str, str], tuple[tarfile.TarInfo, bytes]], str, str]], cut: int
) -> None:
    members = [make(path, target) for make, path, target in steps]
    with tempfile.TemporaryDirectory() as place:
        outside = Path(place) / "outside"
        root = Path(place) / "root"
        outside.mkdir()
        root.mkdir()
        (outside / "a").write_text("precious")
        try:
            unpack(root, tar(*members[:cut]), tar(*members[cut:]))
        except RegistryError:
            pass
        assert sorted(path.name for path in Path(place).iterdir()) == ["outside", "root"]
        assert listing(outside) == {"a": b"precious"}
        assert (outside / "a").stat().st_nlink == 1


@given(st.binary(max_size=2000), st.integers(0, 3000), st.sampled_from(sorted(COMPRESSIONS)))
def test_broken_layers_raise_what_is_documented(noise: bytes, at: int, compression: str) -> None:
    good = tar(member("a/b", b"x" * 700), symlink("l", "a"), hard_link("h", "a/b"))
    broken = COMPRESSIONS[compression](good[:at] + noise + good[at + len(noise) :])
    with tempfile.TemporaryDirectory() as place:
        try:
            unpack(Path(place), broken)
        except (Unreadable, TooLarge):
            pass


def test_paths_are_resolved_as_seen_from_inside(tmp_path: Path) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "bin").symlink_to("/usr")
    assert inside(tmp_path, "/bin") == tmp_path / "bin"
    assert followed(tmp_path, "/bin") == tmp_path / "usr"
    assert inside(tmp_path, "bin/x") == tmp_path / "usr/x"
    assert inside(tmp_path, "../../x") == tmp_path / "x"
    assert inside(tmp_path, "//./") == tmp_path
