"""What images say of themselves (ENTRYPOINT, CMD, USER), read from their registries: a thin shell with a short memory.

A reference comes from a tenant, and so may its registry: slow, endless, hostile. `scvk.registry` bounds each answer
and checks each address. Here it is seen to that one registry cannot hold up the pods of all others: look-ups go on
beside the work on pods, a few at a time and fewer for one registry, each with a deadline, and whoever asks waits for a
moment only and asks again.

What a digest names never changes and is kept; what a tag names is asked for again after a while. A login belongs to
what is remembered: a pod without it does not learn of a private image from the look-up of another.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from scvk.provider.translate.registry_hosts import is_aws_ecr
from scvk.registry import (
    ImageConfig,
    ImageNotFound,
    ImageReference,
    Limits,
    Login,
    RegistryError,
    RemoteImage,
    Unauthorized,
)

LIMITS = Limits(
    manifest_bytes=1024 * 1024,
    config_bytes=1024 * 1024,
    redirects=3,
    connect_s=5.0,
    silence_s=10.0,
    answer_s=20.0,
    connections=16,
)
"""Tighter than for pulling: no layer is read, and pods wait."""

LOOK_UP_S = 60.0
"""One look-up as a whole, with every login that is tried."""
AT_ONCE = 8
AT_ONCE_FOR_ONE_REGISTRY = 2
MOST_WAITING = 500
"""Look-ups that are under way or wait for their turn; a node has no more pods than that."""
TAG_KEPT_S = 300.0
FAILURE_KEPT_S = 60.0
MOST_REMEMBERED = 1000

log = structlog.get_logger(__name__)


class ImageReader(Protocol):
    """What is needed of `scvk.registry.RegistryClient`."""

    async def image(self, reference: ImageReference, login: Login | None = None, /) -> RemoteImage:
        """Read manifest and configuration. Raises RegistryError."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """The registry told."""

    config: ImageConfig


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The registry did not tell.

    `reason_code` is a word that Kubernetes users know; `reason` is one line for a person, without any login.
    """

    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Nothing is known yet: ask again in a moment."""


Answer = Known | NotKnown | UnderWay


@dataclass(frozen=True, slots=True)
class _Remembered:
    answer: Known | NotKnown
    until: float | None


class ImageConfigs:
    """Looks up images. Constructing it has no effect; `aclose` ends what is under way."""

    def __init__(self, reader: ImageReader, monotonic: Callable[[], float]) -> None:
        self._reader = reader
        self._monotonic = monotonic
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._places_of: dict[str, asyncio.Semaphore] = {}

    async def look_up(self, reference: ImageReference, logins: Sequence[Login], *, patience_s: float) -> Answer:
        """Return what is known of the image, or that it is being asked for.

        `logins` are tried in their order, and without one where there are none. May be repeated at any time: costs the
        registry nothing while an answer is remembered or under way, else 2 to 5 requests for each login.
        """
        key = _key(reference, logins)
        remembered = self._recall(key)
        if remembered is not None:
            return remembered
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= MOST_WAITING:
                return UnderWay()
            task = asyncio.create_task(self._work(key, reference, tuple(logins)))
            self._under_way[key] = task
        await asyncio.wait({task}, timeout=patience_s)
        return self._recall(key) or UnderWay()

    async def aclose(self) -> None:
        """End every look-up that is under way."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _recall(self, key: str) -> Known | NotKnown | None:
        found = self._remembered.get(key)
        if found is None or (found.until is not None and found.until <= self._monotonic()):
            return None
        self._remembered.move_to_end(key)
        return found.answer

    def _remember(self, key: str, answer: Known | NotKnown, kept_s: float | None) -> None:
        self._remembered[key] = _Remembered(answer, None if kept_s is None else self._monotonic() + kept_s)
        self._remembered.move_to_end(key)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _work(self, key: str, reference: ImageReference, logins: tuple[Login, ...]) -> None:
        own_places = self._places_of.setdefault(reference.registry, asyncio.Semaphore(AT_ONCE_FOR_ONE_REGISTRY))
        try:
            # First the registry's own place: who waits for a slow registry must not hold a place of all.
            async with own_places, self._places:
                answer = await self._ask(reference, logins)
            kept_s: float | None = TAG_KEPT_S
            if isinstance(answer, NotKnown):
                kept_s = FAILURE_KEPT_S
            elif reference.digest is not None:
                kept_s = None
            self._remember(key, answer, kept_s)
        finally:
            del self._under_way[key]
            if not any(task_key.startswith(f"{reference.registry}/") for task_key in self._under_way):
                self._places_of.pop(reference.registry, None)

    async def _ask(self, reference: ImageReference, logins: tuple[Login, ...]) -> Known | NotKnown:
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._try_logins(reference, logins)
        except TimeoutError:
            return NotKnown("RegistryUnavailable", f"{reference}: its registry took more than {LOOK_UP_S:g} s")
        except ImageNotFound as error:
            return NotKnown("ErrImagePull", str(error))
        except Unauthorized as error:
            return NotKnown("ErrImagePull", f"{error}{_why_not(reference)}")
        except RegistryError as error:
            return NotKnown("RegistryUnavailable" if error.transient else "ImageInspectError", str(error))
        except Exception as error:
            # Nothing that we foresaw; a look-up must not end the agent, nor be repeated without end.
            log.exception("an image could not be looked up", image=str(reference), kind=type(error).__name__)
            return NotKnown("ImageInspectError", f"{reference}: unforeseen failure ({type(error).__name__})")

    async def _try_logins(self, reference: ImageReference, logins: tuple[Login, ...]) -> Known:
        refused: Unauthorized | None = None
        for login in logins or (None,):
            try:
                return Known((await self._reader.image(reference, login)).config)
            except Unauthorized as error:
                refused = error
        assert refused is not None
        raise refused


def _why_not(reference: ImageReference) -> str:
    """Say what keys in a Secret cannot do: AWS gives a login for them by an API of its own alone."""
    if not is_aws_ecr(reference):
        return ""
    return " (AWS ECR takes no keys, only a token that AWS' own API makes of them and that lasts 12 hours)"


def _key(reference: ImageReference, logins: Sequence[Login]) -> str:
    """Return a text that is the same for the same image and logins; what a login is cannot be read from it."""
    digest = hashlib.sha256("\0".join(login.basic() for login in logins).encode()).hexdigest()
    return f"{reference} {digest}"
