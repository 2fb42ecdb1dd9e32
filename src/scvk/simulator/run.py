"""`scvk simulate`: a simulator in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

from scvk.simulator.config import ApiKey, SimulatorConfig
from scvk.simulator.gateway.server import ServedGateway
from scvk.simulator.image_catalogue import UnknownImages
from scvk.simulator.images.pulling import ImagesUnavailableError
from scvk.simulator.runtime.contract import RuntimeUnavailableError
from scvk.simulator.runtime.process import IsolationMode
from scvk.simulator.service import AddressUnavailableError, Simulator, serve, serve_gateway
from scvk.simulator.ssh.door import AuthorizedKeysError, checked_ssh_host, read_authorized_keys

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
    isolation: IsolationMode = "auto",
    gateway_port: int | None = None,
    gateway_ca_file: Path | None = None,
    ssh_host: str = "127.0.0.1",
    ssh_authorized_keys: Path | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run until SIGINT or SIGTERM; the exit code: 0, or 1 after one line on `err` that says what is wrong.

    `port` 0 takes a free one; without `api_keys` one is made up. Both are printed on `out` (data, one `name
    value` per line, the base URL first and when it can be used); what is not isolated goes to `err`.

    `gateway_port` None serves no container gateway, 0 takes a free port; with `gateway_ca_file` it speaks HTTPS
    too, and the certificate to trust is written there. `ssh_authorized_keys` names a file of public keys.
    """
    out, err = out or sys.stdout, err or sys.stderr
    keys = tuple(api_keys) or ("scvk-" + secrets.token_hex(16),)
    if not speed > 0:
        print(f"error: --speed must be above 0, got {speed}", file=err)
        return 1
    for registry in insecure_registries:
        if not _HOST.fullmatch(registry):
            print(f"error: --insecure-registry must be a host with an optional port, got {registry!r}", file=err)
            return 1
    try:
        authorized = read_authorized_keys(ssh_authorized_keys) if ssh_authorized_keys is not None else ""
        checked_ssh_host(ssh_host)
    except AuthorizedKeysError as error:
        print(f"error: --ssh-authorized-keys: {error}", file=err)
        return 1
    except ValueError as error:
        print(f"error: --ssh-host: {error}", file=err)
        return 1
    config = SimulatorConfig(
        api_keys=tuple(ApiKey(key) for key in keys),
        organizations=tuple(organizations),
        projects=tuple(projects),
        speed=speed,
        seed=seed,
        unknown_images=unknown_images,
        image_catalogue=image_catalogue,
        image_cache=image_cache,
        insecure_registries=tuple(insecure_registries),
        isolation=isolation,
        ssh_host=ssh_host,
        ssh_authorized_keys=authorized,
    )

    def announce(base_url: str, report: Sequence[str], gateway: ServedGateway | None) -> None:
        for line in report:
            print(f"warning: {line}", file=err, flush=True)
        lines = [
            f"base-url {base_url}",
            f"organization {config.organizations[0]}",
            f"project {config.projects[0]}",
        ]
        if not api_keys:
            lines.append(f"api-key {keys[0]}")
        if gateway is not None:
            lines.append(f"gateway {gateway.host}:{gateway.port}")
        print("\n".join(lines), file=out, flush=True)

    try:
        asyncio.run(_run(config, host, port, gateway_port, gateway_ca_file, announce))
    except AddressUnavailableError as error:
        print(f"error: cannot listen on {error.host} port {error.port}: {error.strerror}", file=err)
        return 1
    except _UnwritableError as error:
        print(f"error: --gateway-ca-file: {error}", file=err)
        return 1
    except (RuntimeUnavailableError, ImagesUnavailableError) as error:
        print(f"error: {error}", file=err)
        return 1
    return 0


class _UnwritableError(Exception):
    """A file that was asked for cannot be written."""


async def _run(
    config: SimulatorConfig,
    host: str,
    port: int,
    gateway_port: int | None,
    gateway_ca_file: Path | None,
    announce: Callable[[str, Sequence[str], ServedGateway | None], None],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    simulator = Simulator(config)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(simulator)
        served = await stack.enter_async_context(serve(simulator, host, port))
        gateway = None
        if gateway_port is not None:
            tls = gateway_ca_file is not None
            gateway = await stack.enter_async_context(serve_gateway(simulator, host, gateway_port, tls=tls))
            _write_authority(gateway, gateway_ca_file)
        announce(served.base_url, (*simulator.isolation_report, *simulator.images.report), gateway)
        await stop.wait()


def _write_authority(gateway: ServedGateway, path: Path | None) -> None:
    if path is None or gateway.authority is None:
        return
    try:
        path.write_text(gateway.authority)
    except OSError as error:
        raise _UnwritableError(f"cannot write {path}: {error.strerror}") from error
