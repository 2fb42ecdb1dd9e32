"""Every choice of a simulator in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scvk.simulator.durations import Duration, LongTail
from scvk.simulator.image_catalogue import UnknownImages
from scvk.simulator.runtime.process import IsolationMode

RuntimeKind = Literal["processes", "virtual"]
"""Real programs, or scripts on the simulator's clock (`runtime.script`)."""

REPLICAS_QUOTA = 500
"""The example of `container_replicas_quota`, OpenAPI document."""
REQUESTS_PER_MINUTE = 240
"""SaladCloud's documented limit for one API key."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long each step takes at speed 1, in seconds; each fixed time is varied by up to `jitter` (0-1) of itself.

    Guesses from SaladCloud's documentation ("start-up usually takes minutes"). Shortened by `speed`.
    """

    image_pull_s: Duration = LongTail(30, 60)
    """Pulling the image into the platform's own registry: the group is `pending`."""
    allocate_s: Duration = LongTail(60, 120)
    """Finding a machine."""
    download_s: Duration = LongTail(45, 90)
    """The machine downloads the image: `pulling_progress` goes from 0 to 100."""
    create_s: Duration = LongTail(10, 20)
    """Creating the container."""
    stop_grace_s: float = 30.0
    """From SIGTERM to SIGKILL."""
    delete_s: Duration = 10.0
    """From the deletion to the group's disappearance from listings."""
    first_backoff_s: float = 1.0
    """Before the first restart after an exit; doubles with each further exit."""
    longest_backoff_s: float = 60.0
    """The back-off's cap."""
    backoff_reset_s: float = 600.0
    """A program that ran that long begins with the first back-off again."""
    jitter: float = 0.2
    """Share of each duration that chance may add or take."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of one organization."""

    container_replicas: int = REPLICAS_QUOTA
    """Replicas of all groups, whether they run or not (SaladCloud's page "Quotas")."""
    reallocations_per_minute: int = 10
    recreates_per_minute: int = 10
    restarts_per_minute: int = 10


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A user's key and the organizations it reaches; None means all."""

    key: str = field(repr=False)
    organizations: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """What one simulator offers and how it behaves."""

    api_keys: tuple[ApiKey, ...]
    organizations: tuple[str, ...] = ("acme-corp",)
    projects: tuple[str, ...] = ("default",)
    """Projects that every organization has."""
    speed: float = 1.0
    """How many simulated seconds pass in a real one; scales every duration and every probe's numbers."""
    seed: int | None = None
    """Makes chance (durations, ids) repeatable: what befalls a group follows from the seed and its name alone."""
    durations: Durations = Durations()
    quotas: Quotas = Quotas()
    unknown_images: UnknownImages = "idle"
    """What becomes of images that no entry of the catalogue matches."""
    image_catalogue: Path | None = None
    """A file with further entries, looked through before the built-in ones."""
    image_cache: Path | None = None
    """Where roots of images are unpacked, shared with other simulators; None for a temporary directory."""
    insecure_registries: tuple[str, ...] = ()
    """Hosts (`name` or `name:port`) that are asked over plain HTTP and may have private addresses; loopback is."""
    runtime: RuntimeKind = "processes"
    isolation: IsolationMode = "auto"
    requests_per_minute: int = REQUESTS_PER_MINUTE
    """Per API key, in real time (SaladCloud's documented limit)."""
    list_max: int | None = None
    """Cuts listings of groups; the document says `maxItems: 100`, whether the platform cuts is unknown."""
    ssh_host: str = "127.0.0.1"
    """IPv4 address that the instances' SSH servers listen on; 0.0.0.0 shows the machine's own address."""
    ssh_authorized_keys: str = field(default="", repr=False)
    """Who may log into instances, as lines of OpenSSH's authorized_keys; empty lets nobody in."""
