"""Who an image's program runs as: the rules of runc, on texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scvk.simulator.launcher.users import Identity, identity, read_list

PASSWD = """root:x:0:0:root:/root:/bin/sh
broken line
app:x:1000:1001::/home/app:/bin/sh
bare:x:2000:::
"""
GROUP = "root:x:0:\napp:x:1001:\nextra:x:3000:other,app\nstaff:x:50:\n"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", Identity(0, 0, (0,), "/root")),
        ("root", Identity(0, 0, (0,), "/root")),
        ("app", Identity(1000, 1001, (1001, 3000), "/home/app")),
        ("1000", Identity(1000, 1001, (1001, 3000), "/home/app")),
        ("app:staff", Identity(1000, 50, (50,), "/home/app")),
        ("app:77", Identity(1000, 77, (77,), "/home/app")),
        ("4711", Identity(4711, 0, (0,), "/")),
        ("4711:staff", Identity(4711, 50, (50,), "/")),
        (":staff", Identity(0, 50, (50,), "/root")),
        ("bare", Identity(2000, 0, (0,), "/")),
    ],
)
def test_users(user: str, expected: Identity) -> None:
    assert identity(user, PASSWD, GROUP) == expected


@pytest.mark.parametrize("user", ["stranger", "app:strangers", "-1", "99999999999"])
def test_names_without_entry(user: str) -> None:
    with pytest.raises(OSError, match="is not in its /etc/"):
        identity(user, PASSWD, GROUP)


def test_an_image_without_lists_knows_numbers_only() -> None:
    assert identity("1000:1000", "", "") == Identity(1000, 1000, (1000,), "/")


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda place: place.symlink_to("nowhere")], ids=["pipe", "directory", "link"]
)
def test_what_is_no_file_is_no_list_and_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "passwd")
    assert read_list(tmp_path / "passwd") == ""
    assert read_list(tmp_path / "none") == ""
