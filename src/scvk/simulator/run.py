"""`scvk simulate`: a simulator in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import re
import resource
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

from scvk.simulator.config import REPLICAS_QUOTA, REQUESTS_PER_MINUTE, ApiKey, Quotas, RuntimeKind, SimulatorConfig
from scvk.simulator.gateway.server import ServedGateway
from scvk.simulator.image_catalogue import UnknownImages
from scvk.simulator.images.pulling import ImagesUnavailableError
from scvk.simulator.options import checked_names, checked_number, checked_speed, parse_api_key, parse_durations
from scvk.simulator.runtime.contract import RuntimeUnavailableError
from scvk.simulator.runtime.process import IsolationMode
from scvk.simulator.service import AddressUnavailableError, Simulator, serve, serve_gateway
from scvk.simulator.ssh.door import checked_ssh_host, read_authorized_keys

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
    `api_keys` and `durations` are words as `options` reads them.

    `gateway_port` None serves no container gateway, 0 takes a free port; with `gateway_ca_file` it speaks HTTPS
    too, and the certificate to trust is written there. `ssh_authorized_keys` names a file of public keys.
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
            ssh_host=checked_ssh_host(ssh_host),
            ssh_authorized_keys=read_authorized_keys(ssh_authorized_keys),
        )
    except ValueError as error:
        print(f"scvk: {error}", file=err)
        return 1
    if gateway_ca_file is not None and gateway_port is None:
        print("scvk: --gateway-ca-file needs --gateway-port", file=err)
        return 1
    for registry in insecure_registries:
        if not _HOST.fullmatch(registry):
            print(f"scvk: --insecure-registry must be a host with an optional port, got {registry!r}", file=err)
            return 1

    def announce(base_url: str, report: Sequence[str], gateway: ServedGateway | None) -> None:
        for line in report:
            print(f"warning: {line}", file=err, flush=True)
        lines = [
            f"base-url {base_url}",
            f"organization {config.organizations[0]}",
            f"project {config.projects[0]}",
        ]
        if not api_keys:
            lines.append(f"api-key {made_up}")
        if gateway is not None:
            lines.append(f"gateway {gateway.host}:{gateway.port}")
        print("\n".join(lines), file=out, flush=True)

    _allow_as_many_descriptors_as_possible()
    try:
        asyncio.run(_run(config, host, port, gateway_port, gateway_ca_file, announce))
    except AddressUnavailableError as error:
        print(f"scvk: cannot listen on {error.host} port {error.port}: {error.strerror}", file=err)
        return 1
    except _UnwritableError as error:
        print(f"scvk: --gateway-ca-file: {error}", file=err)
        return 1
    except (RuntimeUnavailableError, ImagesUnavailableError) as error:
        print(f"scvk: {error}", file=err)
        return 1
    return 0


def _allow_as_many_descriptors_as_possible() -> None:
    """Each instance takes four and each connection through the gateway two: beyond the usual 1024 before the quota."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
