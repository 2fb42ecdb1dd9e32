"""What one instance sees: its own root, its own processes, host name and network.

The root file system of the host, or of an image, is the lower layer of an overlay whose upper layer is a tmpfs
of the instance's own, so a program may write anywhere and nothing reaches the host. Directories of the host
that hold other people's data are covered with empty ones. All mounts live in the instance's mount namespace and
vanish with its last process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from scvk.simulator.launcher import image_root, kernel, users

NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET
# In the order in which an exec enters them; PID is entered by the launcher, as it only counts for children.
ENTERED = (
    ("ipc", kernel.CLONE_NEWIPC),
    ("uts", kernel.CLONE_NEWUTS),
    ("net", kernel.CLONE_NEWNET),
    ("mnt", kernel.CLONE_NEWNS),
)
# Places where the instance's tmpfs may be mounted for the moment of construction: directories that every
# system has (Filesystem Hierarchy Standard 3.0) and that no program of the host's image lives in.
_SCAFFOLDS = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108  a mount point, not a file's place
# Other people's data, and what belongs to the running host.
_COVERED = ("root", "home", "tmp", "run", "var/tmp", "var/run", "mnt", "media", "srv", "etc/ssh")
_MADE_ANEW = ("proc", "sys", "dev")
_WORLD_WRITABLE = frozenset({"tmp", "var/tmp"})
# A separate file system mounted here is part of the host's image and must be shown.
_SYSTEM_DIRECTORIES = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/var/lib")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# The host's must not be seen.
_NO_PASSWORDS = {"/etc/shadow": "", "/etc/gshadow": ""}
_READ_ONLY_IN_PROC = ("sys", "sysrq-trigger", "irq", "bus", "fs")
# Docker's default set without MKNOD: a device node would open the host's disk. Numbers from
# <linux/capability.h>.
CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31})


def scaffold() -> str:
    """A directory of the host to build on. Raises OSError when there is none."""
    for candidate in _SCAFFOLDS:
        if Path(candidate).is_dir():
            return candidate
    raise OSError("none of " + ", ".join(_SCAFFOLDS) + " exists to build an instance's root on")


def become_root_of_a_user_namespace() -> None:
    """For an unprivileged launcher: namespaces it owns, in which it may make those of the instances.

    Own PID and network namespaces too, because one can only return (setns) to a namespace one has power
    over. The caller goes on as PID 1 in a fork; the original process waits for it and ends with it. Raises
    OSError.
    """
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | NAMESPACES)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    pid = os.fork()
    if pid != 0:
        signal.set_wakeup_fd(-1)
        # The control socket must have one holder only, or the simulator would never see its end.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        _, wait_status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(wait_status) & 0xFF)
    kernel.die_with_parent(signal.SIGKILL)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def build(hostname: str, files: dict[str, str], shm_mib: int, disk_mib: int, image: str | None = None) -> None:
    """Leave the host: called in the new process, before it becomes the program.

    `files` maps absolute paths to the text of executables laid over the root, which is the directory `image`, or
    the host's when that is None. `shm_mib` is the size of
    /dev/shm, `disk_mib` what all writes together may take (it is memory, but only what is used). Raises
    OSError.
    """
    kernel.unshare(NAMESPACES)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    opened = None if image is None else image_root.open_root(image)
    base = Path(scaffold())
    system_mounts = _separate_system_mounts()
    kernel.mount("scvk", str(base), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"size={disk_mib}m,mode=755")
    upper, work, root, held = (base / name for name in ("upper", "work", "root", "held"))
    for directory in (upper, work, root, held):
        directory.mkdir(mode=0o755)
    if opened is None:
        _lay(upper, files | _identity(hostname) | _NO_PASSWORDS)
        _show_host(upper, work, root, held, system_mounts)
    else:
        image_root.bind(opened, base / "image")
        image_root.make_mount_points(upper)
        _overlay(base / "image", upper, work, root)
    _mount_proc(root)
    _mount_devices(root, held, shm_mib)
    try:
        kernel.mount("sysfs", str(root / "sys"), "sysfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)
    except OSError:
        pass  # some kernels refuse sysfs to user namespaces; few programs need it
    kernel.change_root(str(root))
    if opened is not None:
        image_root.lay_inside(files | _identity(hostname))
    socket.sethostname(hostname)
    kernel.bring_loopback_up()


def _show_host(upper: Path, work: Path, root: Path, held: Path, system_mounts: list[str]) -> None:
    try:
        _overlay(Path("/"), upper, work, root)
    except OSError:
        # In a user namespace the host's mounts are locked together and / cannot be had alone.
        _overlay_each_directory(upper, work, root)
    for mounted in system_mounts:
        _show(mounted, root)
    _cover(root, held)
    interpreter = str(Path(sys.base_prefix).resolve())
    if interpreter.startswith(tuple(f"/{name}/" for name in _COVERED)):
        _show(interpreter, root)


def enter(pid: int) -> None:
    """Join the namespaces of the instance whose first process is `pid`. Raises OSError when it is gone."""
    opened = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind) for name, kind in ENTERED]
    for fd, kind in opened:
        kernel.setns(fd, kind)
        os.close(fd)


def settle(go_inside: Callable[[], None], cwd: str | None, user: str) -> None:
    """Go inside, make the directory that the program begins in, and be the image's user: root may do the rest."""
    go_inside()
    if cwd is not None:
        Path(cwd).mkdir(parents=True, exist_ok=True)
    if user:
        kernel.limit_capabilities(CAPABILITIES)  # a program of another user could get them back (setuid)
        users.become(user)


def _identity(hostname: str) -> dict[str, str]:
    hosts = f"127.0.0.1 localhost {hostname}\n::1 localhost {hostname}\n"
    return {"/etc/hostname": hostname + "\n", "/etc/hosts": hosts}


def _lay(upper: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = upper / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755 if text.startswith("#!") else 0o644)


def _overlay(lower: Path, upper: Path, work: Path, merged: Path) -> None:
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    if _in_user_namespace():
        # The kernel's own attributes cannot be set there, and without any a directory that was removed cannot be
        # made again. tmpfs has those of users only since Linux 6.6.
        try:
            kernel.mount("overlay", str(merged), "overlay", 0, options + ",userxattr")
        except OSError:
            pass
        else:
            return
    kernel.mount("overlay", str(merged), "overlay", 0, options)


def _in_user_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]


def _overlay_each_directory(upper: Path, work: Path, root: Path) -> None:
    """The directories of / one by one; those with other file systems below are shown read-only."""
    kernel.mount(str(root), str(root), flags=kernel.MS_BIND)  # the new root must be a mount point
    for entry in sorted(Path("/").iterdir()):
        name = entry.name
        if entry.is_symlink():
            (root / name).symlink_to(entry.readlink())
        elif entry.is_dir():
            (root / name).mkdir(exist_ok=True)
            if name in _COVERED or name in _MADE_ANEW:
                continue
            (upper / name).mkdir(exist_ok=True)
            own_work = work / f"for-{name}"  # overlayfs makes a directory `work` of its own in there
            own_work.mkdir()
            try:
                _overlay(entry, upper / name, own_work, root / name)
            except OSError:
                _show(str(entry), root)


def _separate_system_mounts() -> list[str]:
    """Mount points of the host, outermost first, that belong to its image."""
    with Path("/proc/self/mountinfo").open() as lines:
        points = {line.split(" ")[4] for line in lines}
    return sorted(p for p in points if p.startswith(_SYSTEM_DIRECTORIES) and Path(p).is_dir())


def _show(path: str, root: Path) -> None:
    """Bind a directory of the host, read-only, at the same place below `root`."""
    target = root / path.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    kernel.mount(path, str(target), flags=kernel.MS_BIND | kernel.MS_REC)
    _make_read_only(target)


def _make_read_only(target: Path) -> None:
    flags = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV
    try:
        kernel.mount("none", str(target), flags=flags)
    except OSError:
        # In a user namespace flags such as noexec are locked and must be repeated.
        kernel.mount("none", str(target), flags=flags | kernel.MS_NOEXEC)


def _cover(root: Path, held: Path) -> None:
    for name in _COVERED:
        place = root / name
        if place.is_symlink() or not place.is_dir():
            continue
        empty = held / name.replace("/", "-")
        empty.mkdir()
        empty.chmod(0o1777 if name in _WORLD_WRITABLE else 0o755)
        kernel.mount(str(empty), str(place), flags=kernel.MS_BIND)
    (root / "run" / "lock").mkdir(exist_ok=True)


def _mount_proc(root: Path) -> None:
    proc = root / "proc"
    kernel.mount("proc", str(proc), "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    for name in _READ_ONLY_IN_PROC:
        place = proc / name
        if place.exists():
            kernel.mount(str(place), str(place), flags=kernel.MS_BIND)
            _make_read_only(place)


def _mount_devices(root: Path, held: Path, shm_mib: int) -> None:
    devices = held / "dev"
    devices.mkdir()
    for name in _DEVICES:
        (devices / name).touch()
        kernel.mount(f"/dev/{name}", str(devices / name), flags=kernel.MS_BIND)
    for name in ("pts", "shm"):
        (devices / name).mkdir()
    kernel.mount("devpts", str(devices / "pts"), "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
    shm_flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("shm", str(devices / "shm"), "tmpfs", shm_flags, f"size={shm_mib}m,mode=1777")
    for link, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
                         ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):  # fmt: skip
        (devices / link).symlink_to(target)
    kernel.mount(str(devices), str(root / "dev"), flags=kernel.MS_BIND | kernel.MS_REC)
