"""Images unpacked once, by digest, in a cache directory that several processes may share.

    images/sha256-<hex>/root        the root file system
    images/sha256-<hex>/image.json  what it takes; its time is that of the last use
    partial/sha256-<hex>-<random>   being unpacked, or being removed
    locks/sha256-<hex>              flock: exclusive while unpacking or removing, shared while used

An image appears by a rename and is whole then. The directory belongs to its user alone (mode 700), because the
roots have setuid programs. Its size is bounded: after each pull the images used longest ago go until the rest fits;
those in use stay, so the bound can be passed by what runs at that time and by the image just pulled. Layers that
images share are unpacked for each of them: one plain directory serves every kind of overlay, also unprivileged ones.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import msgspec

from scvk.registry import tree
from scvk.registry.client import RemoteImage
from scvk.registry.errors import StoreUnusable
from scvk.registry.limits import Limits
from scvk.registry.unpacking import Unpacker

DEFAULT_BOUND_BYTES = 20 * 1024**3
_LIMITS = Limits()
_POLL_S = 0.1

Fill = Callable[[Path], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An unpacked image: `root` is a directory that must not be written to, and stays until the store is closed."""

    digest: str
    root: Path


class _Record(msgspec.Struct):
    bytes: int


class ImageStore:
    """The cache at `directory`; entered before use. What it handed out is kept from removal until it is left.

    `sleep` is used while another process unpacks the same image.
    """

    def __init__(
        self,
        directory: Path,
        *,
        bound_bytes: int = DEFAULT_BOUND_BYTES,
        limits: Limits = _LIMITS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._directory = directory
        self._bound_bytes = bound_bytes
        self._limits = limits
        self._sleep = sleep
        self._used: dict[str, StoredImage] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._held = ExitStack()

    async def __aenter__(self) -> Self:
        """Make the directory. Raises StoreUnusable."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            status = self._directory.stat()
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise StoreUnusable(
                    f"the image cache {self._directory} belongs to somebody else or others may write to it"
                )
            self._directory.chmod(0o700)
            for name in ("images", "partial", "locks"):
                (self._directory / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreUnusable(
                f"the image cache {self._directory} cannot be used: {error.strerror or error}"
            ) from error
        await asyncio.to_thread(self._remove_leftovers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.close()
        self._used.clear()

    async def pull(self, image: RemoteImage) -> StoredImage:
        """The image unpacked; downloaded only if it is not there yet. Raises any RegistryError."""

        async def fill(place: Path) -> int:
            return await self._unpack(image, place)

        return await self.keep(image.digest, fill)

    async def keep(self, digest: str, fill: Fill) -> StoredImage:
        """What is stored under `digest` (`algorithm:hexadecimal`), else what `fill` puts into an empty directory.

        `fill` returns how many bytes it wrote. Raises StoreUnusable and what `fill` raises.
        """
        name = digest.replace(":", "-")
        async with self._busy.setdefault(name, asyncio.Lock()):
            if name in self._used:
                return self._used[name]
            lock = self._open_lock(name)
            try:
                await self._ensure(name, lock, fill)
            except OSError as error:
                os.close(lock)
                raise StoreUnusable(f"the image cache cannot be used: {error.strerror or error}") from error
            except BaseException:
                os.close(lock)
                raise
            self._held.callback(os.close, lock)
            stored = StoredImage(digest, self._image(name) / "root")
            self._used[name] = stored
        await asyncio.to_thread(self._make_room)
        return stored

    async def _ensure(self, name: str, lock: int, fill: Fill) -> None:
        """Have the image there, with `lock` held shared."""
        while not (_try_lock(lock, fcntl.LOCK_SH) and self._touch(name)):
            fcntl.flock(lock, fcntl.LOCK_UN)  # two that hold it shared would wait for each other
            if not _try_lock(lock, fcntl.LOCK_EX):
                await self._sleep(_POLL_S)
                continue
            if not self._touch(name):
                await self._add(name, fill)
            # An exclusive lock cannot be made a shared one without a gap in which the image may be removed: look again.
            fcntl.flock(lock, fcntl.LOCK_UN)

    async def _add(self, name: str, fill: Fill) -> None:
        async with self._partial(name) as place:
            root = place / "root"
            root.mkdir(mode=0o755)
            size = await fill(root)
            (place / "image.json").write_bytes(msgspec.json.encode(_Record(size)))
            place.rename(self._image(name))

    async def _unpack(self, image: RemoteImage, root: Path) -> int:
        called_off = Event()
        unpacker = Unpacker(root, self._limits, called_off.is_set)
        with ExitStack() as files:
            downloaded = []
            try:
                async with asyncio.TaskGroup() as downloads:
                    for layer in image.layers:
                        file = files.enter_context(tempfile.TemporaryFile(dir=root.parent))
                        downloaded.append(file)
                        downloads.create_task(image.repository.download(layer, file))
            except BaseExceptionGroup as group:
                # The others were cancelled for its sake.
                raise group.exceptions[0] from None

            def unpack() -> None:
                for file in downloaded:
                    file.seek(0)
                    unpacker.apply(file)
                unpacker.finish()

            await _in_thread(unpack, called_off)
        return unpacker.bytes

    # --- the directory ---

    def _image(self, name: str) -> Path:
        return self._directory / "images" / name

    def _open_lock(self, name: str) -> int:
        try:
            return os.open(self._directory / "locks" / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(f"the image cache cannot be used: {error.strerror or error}") from error

    def _touch(self, name: str) -> bool:
        """Note the use of an image; False when it is not there."""
        try:
            os.utime(self._image(name) / "image.json")
        except FileNotFoundError:
            return False
        return True

    @asynccontextmanager
    async def _partial(self, name: str) -> AsyncIterator[Path]:
        place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._directory / "partial"))
        try:
            yield place
        finally:
            if place.exists():
                tree.remove(place)

    def _remove_leftovers(self) -> None:
        """Of processes that were killed: whatever is partial and not locked."""
        for place in (self._directory / "partial").iterdir():
            with self._exclusively(place.name.rpartition("-")[0]) as locked:
                if locked and place.exists():
                    _remove(place)

    def _make_room(self) -> None:
        """Remove images that were used longest ago and are not in use until the rest fits."""
        found: list[tuple[float, int, str]] = []
        for place in (self._directory / "images").iterdir():
            try:
                record = msgspec.json.decode((place / "image.json").read_bytes(), type=_Record)
                found.append(((place / "image.json").stat().st_mtime, record.bytes, place.name))
            except (OSError, msgspec.MsgspecError):
                continue  # another process removes it just now
        total = sum(size for _, size, _ in found)
        for _, size, name in sorted(found):
            if total <= self._bound_bytes:
                return
            with self._exclusively(name) as locked:
                if locked:
                    doomed = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._directory / "partial")) / "removed"
                    self._image(name).rename(doomed)
                    _remove(doomed.parent)
                    total -= size

    @contextmanager
    def _exclusively(self, name: str) -> Iterator[bool]:
        lock = self._open_lock(name)
        try:
            yield _try_lock(lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(place: Path) -> None:
    try:
        tree.remove(place)
    except OSError:
        pass  # the next start tries again


async def _in_thread(work: Callable[[], None], called_off: Event) -> None:
    """Run `work` in a thread; when cancelled, let it know and wait for it, so that nothing is written afterwards."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        called_off.set()
        await asyncio.gather(task, return_exceptions=True)
        raise
