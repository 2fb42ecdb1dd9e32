"""`scvk simulate`: a simulator in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from scvk.simulator.config import REPLICAS_QUOTA, REQUESTS_PER_MINUTE, ApiKey, Quotas, RuntimeKind, SimulatorConfig
from scvk.simulator.image_catalogue import UnknownImages
from scvk.simulator.images.pulling import ImagesUnavailableError
from scvk.simulator.options import checked_names, checked_number, checked_speed, parse_api_key, parse_durations
from scvk.simulator.runtime.contract import RuntimeUnavailableError
from scvk.simulator.runtime.process import IsolationMode
from scvk.simulator.service import AddressUnavailableError, Simulator, serve

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def run_simulate(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    api_keys: Sequence[str] = (),
    organizations: Sequence[str] = ("acme-corp",),
    projects: Sequence[str] = ("default",),
    speed: float = 1.0,
    seed: int | None = None,
    unknown_images: UnknownImages = "idle",
    image_catalogue: Path | None = None,
    image_cache: Path | None = None,
    insecure_registries: Sequence[str] = (),
    isolation: IsolationMode = "namespaces",
    runtime: RuntimeKind = "processes",
    durations: Sequence[str] = (),
    list_max: int | None = None,
    replicas_quota: int = REPLICAS_QUOTA,
    requests_per_minute: int = REQUESTS_PER_MINUTE,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run until SIGINT or SIGTERM; the exit code: 0, or 1 after one line on `err` that says what is wrong.

    `port` 0 takes a free one; without `api_keys` one is made up. Both are printed on `out` (data, one `name
    value` per line, the base URL first and when it can be used); what is not isolated goes to `err`.
    `api_keys` and `durations` are words as `options` reads them.
    """
    out, err = out or sys.stdout, err or sys.stderr
    made_up = "scvk-" + secrets.token_hex(16)
    try:
        organizations = checked_names("organization", organizations)
        config = SimulatorConfig(
            api_keys=tuple(parse_api_key(key, organizations) for key in api_keys) or (ApiKey(made_up),),
            organizations=organizations,
            projects=checked_names("project", projects),
            speed=checked_speed(speed),
            seed=seed,
            durations=parse_durations(durations),
            quotas=Quotas(container_replicas=checked_number("replicas-quota", replicas_quota, 0)),
            unknown_images=unknown_images,
            image_catalogue=image_catalogue,
            image_cache=image_cache,
            insecure_registries=tuple(insecure_registries),
            runtime=runtime,
            isolation=isolation,
            requests_per_minute=checked_number("requests-per-minute", requests_per_minute, 1),
            list_max=None if list_max is None else checked_number("list-max", list_max, 0),
        )
    except ValueError as error:
        print(f"scvk: {error}", file=err)
        return 1
    for registry in insecure_registries:
        if not _HOST.fullmatch(registry):
            print(f"scvk: --insecure-registry must be a host with an optional port, got {registry!r}", file=err)
            return 1

    def announce(base_url: str, report: Sequence[str]) -> None:
        for line in report:
            print(f"warning: {line}", file=err, flush=True)
        lines = [
            f"base-url {base_url}",
            f"organization {config.organizations[0]}",
            f"project {config.projects[0]}",
        ]
        if not api_keys:
            lines.append(f"api-key {made_up}")
        print("\n".join(lines), file=out, flush=True)

    try:
        asyncio.run(_run(config, host, port, announce))
    except AddressUnavailableError as error:
        print(f"scvk: cannot listen on {host} port {port}: {error.strerror}", file=err)
        return 1
    except (RuntimeUnavailableError, ImagesUnavailableError) as error:
        print(f"scvk: {error}", file=err)
        return 1
    return 0


async def _run(config: SimulatorConfig, host: str, port: int, announce: Callable[[str, Sequence[str]], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    simulator = Simulator(config)
    async with simulator, serve(simulator, host, port) as served:
        announce(served.base_url, (*simulator.isolation_report, *simulator.images.report))
        await stop.wait()
