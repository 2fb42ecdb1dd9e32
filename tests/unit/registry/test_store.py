"""The cache of unpacked images: once by digest, whole or not at all, shared by processes, bounded."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from scvk.registry import ImageStore, RegistryClient, RemoteImage, StoreUnusable, TooLarge, Unreadable, parse_reference
from tests.unit.registry.images import COMPRESSIONS, Image, digest_of, member, tar
from tests.unit.registry.scripted_registry import STRICT, ScriptedRegistry

LOWER = COMPRESSIONS["gzip"](tar(member("etc/a", b"1"), member("etc/b", b"2")))
UPPER = COMPRESSIONS["zstd"](tar(member("etc/.wh.a"), member("etc/c", b"3")))
IMAGE = Image([LOWER, UPPER])
NAME = parse_reference("registry.example.com/app")


@pytest.fixture
def registry() -> ScriptedRegistry:
    registry = ScriptedRegistry()
    registry.serve(IMAGE, "app", "latest")
    return registry


def layers_read(registry: ScriptedRegistry) -> int:
    blobs = [request for request in registry.requests if "/blobs/" in str(request.url)]
    return len([request for request in blobs if not str(request.url).endswith(next(iter(IMAGE.blobs)))])


async def test_an_image_is_unpacked_once_by_digest(registry: ScriptedRegistry, tmp_path: Path) -> None:
    for _ in range(2):
        async with registry.client() as client, ImageStore(tmp_path / "cache") as store:
            stored = await store.pull(await client.image(NAME))
            assert stored == await store.pull(await client.image(NAME))
            assert sorted(path.name for path in (stored.root / "etc").iterdir()) == ["b", "c"]
    assert layers_read(registry) == 2


async def test_two_at_once_unpack_once(registry: ScriptedRegistry, tmp_path: Path) -> None:
    async with (
        registry.client() as client,
        ImageStore(tmp_path, sleep=lambda _: asyncio.sleep(0.01)) as first,
        ImageStore(tmp_path, sleep=lambda _: asyncio.sleep(0.01)) as second,
    ):
        image = await client.image(NAME)
        stored = await asyncio.gather(*(store.pull(image) for store in (first, second, first, second)))
    assert {one.root for one in stored} == {stored[0].root}
    assert layers_read(registry) == 2


async def test_the_cache_belongs_to_its_user_alone(tmp_path: Path) -> None:
    async with ImageStore(tmp_path / "deep" / "cache"):
        assert stat.S_IMODE((tmp_path / "deep" / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["a file", "others may write"])
async def test_an_unusable_cache_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    if kind == "a file":
        cache.write_text("")
    else:
        cache.mkdir()
        cache.chmod(0o777)
    with pytest.raises(StoreUnusable, match=str(cache)) as caught:
        await ImageStore(cache).__aenter__()
    assert "\n" not in str(caught.value)


async def test_a_broken_layer_leaves_nothing(registry: ScriptedRegistry, tmp_path: Path) -> None:
    broken = Image([LOWER, b"no layer"])
    registry.serve(broken, "app", "latest")
    async with registry.client() as client, ImageStore(tmp_path) as store:
        with pytest.raises(Unreadable):
            await store.pull(await client.image(NAME))
    assert list((tmp_path / "images").iterdir()) == []
    assert list((tmp_path / "partial").iterdir()) == []


async def test_a_failed_download_is_the_error_itself(registry: ScriptedRegistry, tmp_path: Path) -> None:
    async with registry.client() as client, ImageStore(tmp_path) as store:
        image = await client.image(NAME)
        digest = image.layers[1].digest
        registry.routes[f"https://registry.example.com/v2/app/blobs/{digest}"] = UPPER + b"more"
        with pytest.raises(TooLarge):
            await store.pull(image)
    assert list((tmp_path / "partial").iterdir()) == []


async def test_a_cancelled_pull_leaves_nothing(registry: ScriptedRegistry, tmp_path: Path) -> None:
    reached = asyncio.Event()

    class Hanging(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if str(request.url).endswith(digest_of(LOWER)):
                reached.set()
                await asyncio.Event().wait()
            return registry(request)

    async with RegistryClient(STRICT, transport=Hanging()) as client, ImageStore(tmp_path) as store:
        image: RemoteImage = await client.image(NAME)
        pull = asyncio.create_task(store.pull(image))
        await reached.wait()
        pull.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pull
        assert list((tmp_path / "partial").iterdir()) == []


async def test_leftovers_of_killed_processes_go(tmp_path: Path) -> None:
    async with ImageStore(tmp_path):
        pass
    left = tmp_path / "partial" / f"sha256-{'0' * 64}-abc"
    (left / "root" / "deep").mkdir(parents=True)
    (left / "root" / "deep").chmod(0)
    async with ImageStore(tmp_path):
        assert not left.exists()


async def fill(store: ImageStore, digit: str) -> Path:
    async def write(root: Path) -> int:
        (root / "file").write_text(digit)
        return 1000

    return (await store.keep("sha256:" + digit * 64, write)).root


async def test_images_used_longest_ago_make_room(tmp_path: Path) -> None:
    for age, digit in [(300, "1"), (100, "2"), (200, "3")]:
        async with ImageStore(tmp_path) as store:
            record = (await fill(store, digit)).parent / "image.json"
        os.utime(record, (record.stat().st_mtime - age,) * 2)
    async with ImageStore(tmp_path, bound_bytes=2500) as store:
        await fill(store, "4")
    assert sorted(path.name[7] for path in (tmp_path / "images").iterdir()) == ["2", "4"]
    assert list((tmp_path / "partial").iterdir()) == []


async def test_images_in_use_stay(tmp_path: Path) -> None:
    async with ImageStore(tmp_path) as other, ImageStore(tmp_path, bound_bytes=0) as store:
        used = await fill(other, "1")
        own = await fill(store, "2")
        assert used.exists()
        assert own.exists()


async def test_another_process_is_waited_for(tmp_path: Path) -> None:
    """One that holds the lock of an image and dies: its lock is free then."""
    async with ImageStore(tmp_path):
        pass
    lock = tmp_path / "locks" / f"sha256-{'1' * 64}"
    script = (
        f"import fcntl; f = open({str(lock)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    )
    child = subprocess.Popen(  # noqa: ASYNC220  it says one line at once
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    waits = 0

    async def sleep(_seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            child.kill()
            child.wait()

    async with ImageStore(tmp_path, sleep=sleep) as store:
        assert (await fill(store, "1")).is_dir()
    assert waits >= 3
    child.stdin.close()
    child.stdout.close()
