"""SFTP version 3 over two descriptors, on this process's own root: what sshd calls internal-sftp.

draft-ietf-secsh-filexfer-02, with the extensions of OpenSSH that its own clients use (OpenSSH's PROTOCOL,
section 4). One request at a time, blocking: a process serves one session. Paths are bytes throughout.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from scvk.simulator.launcher.sftp_wire import (
    EXTENDED_REPLY,
    Attributes,
    Fields,
    Reply,
    Status,
    framed,
    packed_string,
)

_VERSION = 3
# As OpenSSH's sftp-server has them: the longest packet, and what of it data may take.
_LONGEST_PACKET = 256 * 1024
_LONGEST_DATA = 255 * 1024
_MOST_HANDLES = 1000
_NAMES_AT_ONCE = 100
_STATUS_OF_ERRNO = {
    errno.ENOENT: Status.NO_SUCH_FILE,
    errno.ENOTDIR: Status.NO_SUCH_FILE,
    errno.ELOOP: Status.NO_SUCH_FILE,
    errno.EBADF: Status.NO_SUCH_FILE,
    errno.EACCES: Status.PERMISSION_DENIED,
    errno.EPERM: Status.PERMISSION_DENIED,
    errno.EROFS: Status.PERMISSION_DENIED,
    errno.ENAMETOOLONG: Status.BAD_MESSAGE,
    errno.EINVAL: Status.BAD_MESSAGE,
    errno.ENOSYS: Status.UNSUPPORTED,
    errno.EOPNOTSUPP: Status.UNSUPPORTED,
}
_EXTENSIONS = (
    (b"posix-rename@openssh.com", b"1"),
    (b"statvfs@openssh.com", b"2"),
    (b"fstatvfs@openssh.com", b"2"),
    (b"hardlink@openssh.com", b"1"),
    (b"fsync@openssh.com", b"1"),
    (b"limits@openssh.com", b"1"),
    (b"expand-path@openssh.com", b"1"),
)


def serve(input_fd: int, output_fd: int) -> None:
    """Serve until end of file, or until something arrives that is no SFTP. Raises nothing."""
    server = SftpServer()
    buffer = bytearray()
    while True:
        try:
            data = os.read(input_fd, _LONGEST_PACKET)
        except OSError:
            return
        if not data:
            return
        buffer += data
        while len(buffer) >= 4:
            length = int.from_bytes(buffer[:4], "big")
            if not 0 < length <= _LONGEST_PACKET:
                return
            if len(buffer) < 4 + length:
                break
            packet = bytes(buffer[4 : 4 + length])
            del buffer[: 4 + length]
            answer = memoryview(server.answer(packet))
            try:
                while answer:
                    answer = answer[os.write(output_fd, answer) :]
            except OSError:
                return


@dataclass
class _Directory:
    path: bytes
    entries: Iterator[bytes]


_Opened = TypeVar("_Opened", int, _Directory)


class SftpServer:
    """Packets in, answers out, both framed by their length outside (`answer` frames its own)."""

    def __init__(self) -> None:
        self._files: dict[bytes, int] = {}
        self._directories: dict[bytes, _Directory] = {}
        self._next_handle = 0
        self._requests: dict[int, Callable[[Fields], Reply]] = {
            3: self._open,
            4: self._close,
            5: self._read,
            6: self._write,
            7: lambda fields: Reply.attributes(os.lstat(fields.string())),
            8: lambda fields: Reply.attributes(os.fstat(self._file(fields))),
            9: self._set_attributes,
            10: self._set_open_attributes,
            11: self._open_directory,
            12: self._read_directory,
            13: self._remove,
            14: self._make_directory,
            15: self._remove_directory,
            16: lambda fields: Reply.name(os.path.realpath(fields.string() or b".")),
            17: lambda fields: Reply.attributes(os.stat(fields.string())),  # noqa: PTH116  a path in bytes
            18: self._rename,
            19: lambda fields: Reply.name(os.readlink(fields.string())),  # noqa: PTH115  a path in bytes
            20: self._symlink,
            200: self._extended,
        }
        self._extended_requests: dict[bytes, Callable[[Fields], Reply]] = {
            b"posix-rename@openssh.com": self._posix_rename,
            b"hardlink@openssh.com": self._hard_link,
            b"fsync@openssh.com": self._fsync,
            b"statvfs@openssh.com": lambda fields: _file_system(os.statvfs(fields.string())),
            b"fstatvfs@openssh.com": lambda fields: _file_system(os.fstatvfs(self._file(fields))),
            b"limits@openssh.com": lambda _fields: _limits(),
            b"expand-path@openssh.com": lambda fields: Reply.name(_expanded(fields.string())),
        }

    def answer(self, packet: bytes) -> bytes:
        """The framed answer to one packet; whatever it holds, there is one."""
        kind, fields = packet[0], Fields(packet[1:])
        if kind == 1:
            pairs = b"".join(packed_string(text) for pair in _EXTENSIONS for text in pair)
            return framed(bytes([2]) + _VERSION.to_bytes(4, "big") + pairs)
        try:
            number = fields.uint32()
        except ValueError:
            return Reply.status(Status.BAD_MESSAGE).framed(0)
        handler = self._requests.get(kind)
        try:
            reply = Reply.status(Status.UNSUPPORTED) if handler is None else handler(fields)
        except OSError as error:
            status = _STATUS_OF_ERRNO.get(error.errno or 0, Status.FAILURE)
            reply = Reply.status(status, error.strerror or str(error))
        except (ValueError, OverflowError) as error:
            reply = Reply.status(Status.BAD_MESSAGE, str(error))
        return reply.framed(number)

    # --- files ---

    def _open(self, fields: Fields) -> Reply:
        path, wanted, attributes = fields.string(), fields.uint32(), fields.attributes()
        reading, writing = wanted & 0x01, wanted & 0x02
        flags = os.O_RDWR if reading and writing else os.O_WRONLY if writing else os.O_RDONLY
        for bit, flag in ((0x04, os.O_APPEND), (0x08, os.O_CREAT), (0x10, os.O_TRUNC), (0x20, os.O_EXCL)):
            flags |= flag if wanted & bit else 0
        mode = 0o666 if attributes.mode is None else attributes.mode & 0o7777
        return Reply.handle(self._remember(self._files, os.open(path, flags | os.O_CLOEXEC, mode)))

    def _close(self, fields: Fields) -> Reply:
        handle = fields.string()
        fd = self._files.pop(handle, None)
        if fd is not None:
            os.close(fd)
        elif self._directories.pop(handle, None) is None:
            return Reply.status(Status.FAILURE, "no such handle")
        return Reply.status(Status.OK)

    def _read(self, fields: Fields) -> Reply:
        fd, offset, length = self._file(fields), fields.uint64(), fields.uint32()
        data = os.pread(fd, min(length, _LONGEST_DATA), offset)
        return Reply.data(data) if data else Reply.status(Status.EOF)

    def _write(self, fields: Fields) -> Reply:
        fd, offset, data = self._file(fields), fields.uint64(), memoryview(fields.string())
        while data:
            written = os.pwrite(fd, data, offset)
            data, offset = data[written:], offset + written
        return Reply.status(Status.OK)

    def _fsync(self, fields: Fields) -> Reply:
        os.fsync(self._file(fields))
        return Reply.status(Status.OK)

    def _file(self, fields: Fields) -> int:
        fd = self._files.get(fields.string())
        if fd is None:
            raise OSError(errno.EBADF, "no such handle")
        return fd

    def _remember(self, table: dict[bytes, _Opened], opened: _Opened) -> bytes:
        self._next_handle += 1
        handle = self._next_handle.to_bytes(4, "big")
        table[handle] = opened
        return handle

    # --- attributes ---

    def _set_attributes(self, fields: Fields) -> Reply:
        _apply(fields.string(), fields.attributes())
        return Reply.status(Status.OK)

    def _set_open_attributes(self, fields: Fields) -> Reply:
        _apply(self._file(fields), fields.attributes())
        return Reply.status(Status.OK)

    # --- names ---

    def _open_directory(self, fields: Fields) -> Reply:
        path = fields.string()
        entries = iter([b".", b"..", *sorted(os.listdir(path))])  # noqa: PTH208  a path in bytes
        return Reply.handle(self._remember(self._directories, _Directory(path, entries)))

    def _read_directory(self, fields: Fields) -> Reply:
        directory = self._directories.get(fields.string())
        if directory is None:
            return Reply.status(Status.FAILURE, "no such handle")
        found = []
        for name in directory.entries:
            try:
                status = os.lstat(os.path.join(directory.path, name))  # noqa: PTH118  a path in bytes
            except OSError:
                continue  # removed meanwhile
            found.append((name, _listing_line(name, status), status))
            if len(found) == _NAMES_AT_ONCE:
                break
        return Reply.names(found) if found else Reply.status(Status.EOF)

    def _remove(self, fields: Fields) -> Reply:
        os.unlink(fields.string())  # noqa: PTH108  a path in bytes
        return Reply.status(Status.OK)

    def _make_directory(self, fields: Fields) -> Reply:
        path, attributes = fields.string(), fields.attributes()
        os.mkdir(path, 0o777 if attributes.mode is None else attributes.mode & 0o7777)  # noqa: PTH102
        return Reply.status(Status.OK)

    def _remove_directory(self, fields: Fields) -> Reply:
        os.rmdir(fields.string())  # noqa: PTH106  a path in bytes
        return Reply.status(Status.OK)

    def _rename(self, fields: Fields) -> Reply:
        """Never over an existing file (section 6.5 of the draft)."""
        old, new = fields.string(), fields.string()
        if os.path.lexists(new):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(old, new)  # noqa: PTH104  a path in bytes
        return Reply.status(Status.OK)

    def _posix_rename(self, fields: Fields) -> Reply:
        os.rename(fields.string(), fields.string())  # noqa: PTH104  a path in bytes
        return Reply.status(Status.OK)

    def _hard_link(self, fields: Fields) -> Reply:
        os.link(fields.string(), fields.string(), follow_symlinks=False)
        return Reply.status(Status.OK)

    def _symlink(self, fields: Fields) -> Reply:
        """Target first and link second, the reverse of the draft: every implementation follows OpenSSH."""
        os.symlink(fields.string(), fields.string())  # noqa: PTH211  a path in bytes
        return Reply.status(Status.OK)

    def _extended(self, fields: Fields) -> Reply:
        handler = self._extended_requests.get(fields.string())
        return Reply.status(Status.UNSUPPORTED) if handler is None else handler(fields)


def _apply(target: bytes | int, attributes: Attributes) -> None:
    if attributes.size is not None:
        os.truncate(target, attributes.size)
    if attributes.owner is not None:
        os.chown(target, *attributes.owner)
    if attributes.mode is not None:
        os.chmod(target, attributes.mode & 0o7777)  # noqa: PTH101  a path in bytes, or a descriptor
    if attributes.times is not None:
        os.utime(target, attributes.times)


def _listing_line(name: bytes, status: os.stat_result) -> bytes:
    """A line as `ls -l` writes it; clients show it as it is."""
    moment = time.gmtime(status.st_mtime)
    recent = time.time() - status.st_mtime < 180 * 86400
    when = time.strftime("%b %e %H:%M" if recent else "%b %e  %Y", moment)
    head = f"{stat.filemode(status.st_mode)} {status.st_nlink:4} {status.st_uid:<8} {status.st_gid:<8}"
    return f"{head} {status.st_size:8} {when} ".encode() + name


def _expanded(path: bytes) -> bytes:
    """`~` and paths relative to the home directory, which is where a session begins."""
    return os.path.realpath(path[1:].lstrip(b"/") or b"." if path.split(b"/")[0] == b"~" else path)


def _limits() -> Reply:
    numbers = (_LONGEST_PACKET, _LONGEST_DATA, _LONGEST_DATA, _MOST_HANDLES)
    return Reply(EXTENDED_REPLY, b"".join(number.to_bytes(8, "big") for number in numbers))


def _file_system(status: os.statvfs_result) -> Reply:
    flags = (1 if status.f_flag & os.ST_RDONLY else 0) | (2 if status.f_flag & os.ST_NOSUID else 0)
    numbers = (
        status.f_bsize,
        status.f_frsize,
        status.f_blocks,
        status.f_bfree,
        status.f_bavail,
        status.f_files,
        status.f_ffree,
        status.f_favail,
        status.f_fsid & 0xFFFFFFFFFFFFFFFF,
        flags,
        status.f_namemax,
    )
    return Reply(EXTENDED_REPLY, b"".join(number.to_bytes(8, "big") for number in numbers))
