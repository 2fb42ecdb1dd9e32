"""`scvk simulate`: a simulator in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.image_catalogue import UnknownImages
from scvk.simulator.runtime.contract import RuntimeUnavailableError
from scvk.simulator.runtime.process import IsolationMode
from scvk.simulator.service import AddressUnavailableError, Simulator, serve


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
    isolation: IsolationMode = "auto",
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run until SIGINT or SIGTERM; the exit code: 0, or 1 after one line on `err` that says what is wrong.

    `port` 0 takes a free one; without `api_keys` one is made up. Both are printed on `out` (data, one `name
    value` per line, the base URL first and when it can be used); what is not isolated goes to `err`.
    """
    out, err = out or sys.stdout, err or sys.stderr
    keys = tuple(api_keys) or ("scvk-" + secrets.token_hex(16),)
    if not speed > 0:
        print(f"scvk: --speed must be above 0, got {speed}", file=err)
        return 1
    config = SimulatorConfig(
        api_keys=tuple(ApiKey(key) for key in keys),
        organizations=tuple(organizations),
        projects=tuple(projects),
        speed=speed,
        seed=seed,
        unknown_images=unknown_images,
        isolation=isolation,
    )

    def announce(base_url: str, report: Sequence[str]) -> None:
        for line in report:
            print(f"warning: {line}", file=err, flush=True)
        lines = [
            f"base-url {base_url}",
            f"organization {config.organizations[0]}",
            f"project {config.projects[0]}",
        ]
        if not api_keys:
            lines.append(f"api-key {keys[0]}")
        print("\n".join(lines), file=out, flush=True)

    try:
        asyncio.run(_run(config, host, port, announce))
    except AddressUnavailableError as error:
        print(f"scvk: cannot listen on {host} port {port}: {error.strerror}", file=err)
        return 1
    except RuntimeUnavailableError as error:
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
        announce(served.base_url, simulator.isolation_report)
        await stop.wait()
