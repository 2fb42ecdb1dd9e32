"""Images for a simulator with real programs: roots of the catalogue made ready, unknown names pulled.

Failures are told in the words of SaladCloud's documentation ("The Deployment Lifecycle"): an image can fail to be
pulled, authenticated or stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from scvk.registry import (
    AddressPolicy,
    ImageStore,
    Limits,
    RegistryClient,
    RegistryError,
    RemoteImage,
    StoredImage,
    StoreUnusable,
    Unauthorized,
    parse_reference,
)
from scvk.registry.tree import followed
from scvk.registry.unpacking import Unpacker
from scvk.simulator.clock import Timer
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.image_catalogue import ImageCatalogue
from scvk.simulator.images import busybox_root
from scvk.simulator.images.catalogue_file import CatalogueUnreadable, entries_of_file
from scvk.simulator.images.image import Image
from scvk.simulator.images.logins import LoginUnusable, login_for
from scvk.simulator.launcher import users

_NO_BUSYBOX = (
    "images busybox and alpine have the host's shell and tools: no statically linked busybox is installed (Debian: "
    "busybox-static)"
)
_NO_ISOLATION = "an image with a root of its own needs isolation, and there is none here (--isolation)"
_HASHED_AT_ONCE = 1024 * 1024


class ImagesUnavailableError(Exception):
    """The cache or the catalogue file cannot be used; the message is one line for the user."""


class PulledImages:
    """The platform's source of images. Used between `open` and `close`.

    `cache` None is a temporary directory that goes at the end. Without `unpack` (no program runs) registries are
    asked, so that names and logins are found out, but nothing is downloaded.
    """

    def __init__(
        self,
        catalogue: ImageCatalogue,
        *,
        catalogue_file: Path | None = None,
        cache: Path | None = None,
        insecure_registries: tuple[str, ...] = (),
        unpack: bool = True,
    ) -> None:
        self._catalogue = catalogue
        self._catalogue_file = catalogue_file
        self._cache = cache
        # A name that resolves to a private address is refused: SaladCloud could not pull from there either.
        policy = AddressPolicy(plain_http=frozenset(map(str.lower, insecure_registries)), loopback=True)
        self._client = RegistryClient(policy)
        self._unpack = unpack
        self._store: ImageStore | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._resources = AsyncExitStack()
        self.report: tuple[str, ...] = ()
        """What is not as the catalogue says, for people; known after `open`."""
        self._without_roots = False

    async def open(self) -> None:
        """Read the catalogue file and make roots ready. Raises ImagesUnavailableError."""
        try:
            if self._catalogue_file is not None:
                self._catalogue.entries = entries_of_file(self._catalogue_file)
            await self._resources.enter_async_context(self._client)
            if self._unpack:
                place = self._cache or self._temporary()
                self._store = await self._resources.enter_async_context(ImageStore(place))
                self._catalogue.roots = await self._roots(self._store)
        except BaseException as error:
            await self._resources.aclose()
            if isinstance(error, (CatalogueUnreadable, RegistryError)):
                raise ImagesUnavailableError(str(error)) from error
            raise

    def do_without_roots(self) -> None:
        """There is no isolation: only the host's root can be run in, and groups that need another fail."""
        self._without_roots = True
        entries = self._catalogue.entries
        if self._catalogue.unknown == "pull" or any(entry.pull or entry.image.needs_root for entry in entries):
            self.report = (*self.report, f"groups with images from registries or directories fail: {_NO_ISOLATION}")

    async def close(self) -> None:
        """Give up what is being pulled, and let go of the cache. May be repeated."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._resources.aclose()

    def obtain(self, definition: Definition, done: Callable[[Image], None]) -> Timer:
        """As `ImageSource`: at once for names of the catalogue, else as soon as the registry allows."""
        image = self._catalogue.find(definition.image)
        if self._without_roots and (image is None or image.needs_root):
            image = Image(pull_error=f"Failed to pull image: {_NO_ISOLATION}")
        if image is not None:
            done(image)
            return _TaskTimer(None)

        async def pull() -> None:
            done(await self._pull(definition))

        task = asyncio.get_running_loop().create_task(pull())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _TaskTimer(task)

    async def _pull(self, definition: Definition) -> Image:
        try:
            reference = parse_reference(definition.image)
            login = login_for(reference, definition.registry_authentication)
            remote = await self._client.image(reference, login)
            if self._store is None:
                return _image(remote, None)
            return _image(remote, await self._store.pull(remote))
        except (Unauthorized, LoginUnusable) as error:
            return Image(pull_error=f"Failed to authenticate: {error}")
        except StoreUnusable as error:
            return Image(pull_error=f"Failed to store image: {error}")
        except RegistryError as error:
            return Image(pull_error=f"Failed to pull image: {error}")

    # --- roots of the catalogue ---

    def _temporary(self) -> Path:
        try:
            place = tempfile.TemporaryDirectory(prefix="scvk-images-")
        except OSError as error:
            raise StoreUnusable(f"no temporary directory for images: {error.strerror}") from error
        # Pushed first, so that it goes last.
        return Path(self._resources.enter_context(place))

    async def _roots(self, store: ImageStore) -> Mapping[str | Path, Path]:
        roots: dict[str | Path, Path] = {}
        for source in dict.fromkeys(entry.root for entry in self._catalogue.all_entries()):
            if isinstance(source, Path):
                roots[source] = source.resolve() if source.is_dir() else await self._unpacked(store, source)
        busybox = await asyncio.to_thread(busybox_root.static_busybox)
        if busybox is None:
            self.report = (_NO_BUSYBOX,)
        else:
            roots["busybox"] = await self._kept(store, busybox, busybox_root.digest, busybox_root.build)
        return roots

    async def _unpacked(self, store: ImageStore, archive: Path) -> Path:
        try:
            return await self._kept(store, archive, _digest, _unpack)
        except RegistryError as error:
            raise ImagesUnavailableError(f"the image catalogue's root {archive}: {error}") from error

    @staticmethod
    async def _kept(
        store: ImageStore, source: Path, digest: Callable[[Path], str], build: Callable[[Path, Path], int]
    ) -> Path:
        async def fill(root: Path) -> int:
            return await asyncio.to_thread(build, source, root)

        try:
            name = await asyncio.to_thread(digest, source)
        except OSError as error:
            raise StoreUnusable(f"{source} cannot be read: {error.strerror}") from error
        return (await store.keep(name, fill)).root


class _TaskTimer:
    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._task = task

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _image(remote: RemoteImage, stored: StoredImage | None) -> Image:
    config = remote.config
    image = Image(
        entrypoint=config.entrypoint,
        command=config.command,
        env=config.environment,
        working_dir=config.working_dir,
        user=config.user,
        needs_root=True,
        description=f"{remote.reference}, {remote.digest}",
    )
    if stored is None:
        return image
    env = config.environment
    if "HOME" not in env:
        env = {"HOME": _home(stored.root, config.user), **env}
    return replace(image, env=env, root=stored.root)


def _home(root: Path, user: str) -> str:
    try:
        return users.identity(user, users.read_list(followed(root, "/etc/passwd")), "").home
    except OSError:
        return "/"  # a user that is not there fails when the program starts, with words


def _digest(archive: Path) -> str:
    digest = hashlib.sha256()
    with archive.open("rb") as file:
        while piece := file.read(_HASHED_AT_ONCE):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()


def _unpack(archive: Path, root: Path) -> int:
    unpacker = Unpacker(root, Limits())
    with archive.open("rb") as file:
        unpacker.apply(file)
    unpacker.finish()
    return unpacker.bytes
