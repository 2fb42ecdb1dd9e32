"""A root file system of nothing but busybox, laid out as in the image of that name.

The program is Debian's package busybox-static. A dynamically linked one would need a C library beside it, so that
one is not taken.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

_PLACES = (Path("/bin/busybox"), Path("/usr/bin/busybox"))
# Directories and their modes in Docker Hub's busybox:1.36.
_DIRECTORIES = {
    "bin": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "lib": 0o755, "proc": 0o755, "root": 0o700, "run": 0o755,
    "sys": 0o755, "tmp": 0o1777, "usr": 0o755, "usr/bin": 0o755, "usr/sbin": 0o755, "var": 0o755,
    "var/spool": 0o755, "var/tmp": 0o1777, "var/www": 0o755,
}  # fmt: skip
_FILES = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
        "www-data:x:33:33:www-data:/var/www:/bin/false\n"
        "nobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
    "etc/shells": "/bin/sh\n/bin/ash\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_LIST_DEADLINE_S = 10
# Part of the digest: to be raised when the layout changes.
_RECIPE = b"1"
# <elf.h>
_PT_INTERP = 3


def static_busybox() -> Path | None:
    """Where a statically linked busybox is installed; None when there is none."""
    for place in _PLACES:
        try:
            if _is_static(place.read_bytes()):
                return place
        except OSError:
            continue
    return None


def digest(busybox: Path) -> str:
    """What the root of this program is stored under. Raises OSError."""
    return "sha256:" + hashlib.sha256(_RECIPE + busybox.read_bytes()).hexdigest()


def build(busybox: Path, root: Path) -> int:
    """Lay the root out in an empty directory; how many bytes it takes. Raises OSError."""
    for name, mode in _DIRECTORIES.items():
        (root / name).mkdir()
        (root / name).chmod(mode)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    program = root / "bin" / "busybox"
    shutil.copyfile(busybox, program)
    program.chmod(0o755)
    for applet in _applets(busybox):
        link = root / "bin" / applet
        if not link.exists():
            link.hardlink_to(program)
    (root / "usr/bin/env").symlink_to("../../bin/env")
    return program.stat().st_size


def _applets(busybox: Path) -> list[str]:
    try:
        listed = subprocess.run(
            [busybox, "--list"], capture_output=True, text=True, timeout=_LIST_DEADLINE_S, check=True
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"{busybox} does not list its applets: {error}") from error
    return [name for name in listed.stdout.split() if "/" not in name]


def _is_static(program: bytes) -> bool:
    """Whether a 64-bit little-endian ELF file asks for no dynamic loader."""
    if program[:6] != b"\x7fELF\x02\x01":
        return False
    (table,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    kinds = (struct.unpack_from("<I", program, table + index * size)[0] for index in range(count))
    return _PT_INTERP not in kinds
