"""`scvk simulate`: SaladCloud on this machine, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from scvk.simulator.run import run_simulate


def simulate(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one and prints it.")] = 8787,
    api_key: Annotated[
        tuple[str, ...], Parameter(negative=(), help="An API key that is accepted; repeatable. Default: one is made.")
    ] = (),
    organization: Annotated[
        tuple[str, ...], Parameter(negative=(), help="An organization that exists; repeatable.")
    ] = ("acme-corp",),
    project: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A project that each organization has; repeatable.")
    ] = ("default",),
    speed: Annotated[float, Parameter(help="Simulated seconds in a real one.")] = 1.0,
    seed: Annotated[int | None, Parameter(help="Makes chance repeatable.")] = None,
    unknown_images: Annotated[
        Literal["idle", "fail"],
        Parameter(
            help="What becomes of images that the simulator has no stand-in for: a sleeping program, or failure."
        ),
    ] = "idle",
    isolation: Annotated[
        Literal["auto", "none"],
        Parameter(help="How programs are kept apart: as well as the machine allows, or not at all."),
    ] = "auto",
    gateway_port: Annotated[
        int | None,
        Parameter(help="Also serve the container gateway on this port; 0 takes a free one and prints it."),
    ] = None,
    gateway_ca_file: Annotated[
        Path | None,
        Parameter(help="The gateway speaks HTTPS too, on the same port; the certificate to trust is written here."),
    ] = None,
    ssh_host: Annotated[
        str, Parameter(help="IPv4 address that instances' SSH servers listen on, each on a port of its own.")
    ] = "127.0.0.1",
    ssh_authorized_keys: Annotated[
        Path | None,
        Parameter(help="File of public keys, one a line, that may log into instances as root. Default: nobody may."),
    ] = None,
) -> int:
    """Simulate SaladCloud on this machine until interrupted: its REST API, and instances as local processes.

    The base URL is printed; it is what `--api-url` and SALAD_CLOUD_API_URL take.

    Examples
    --------
    At twenty times the speed, with a key of one's own:

        scvk simulate --port 8787 --api-key secret --speed 20

    With a way into the instances, by SSH and through the container gateway:

        scvk simulate --ssh-authorized-keys ~/.ssh/id_ed25519.pub --gateway-port 8788

    """
    return run_simulate(
        host=host,
        port=port,
        api_keys=api_key,
        organizations=organization,
        projects=project,
        speed=speed,
        seed=seed,
        unknown_images=unknown_images,
        isolation=isolation,
        gateway_port=gateway_port,
        gateway_ca_file=gateway_ca_file,
        ssh_host=ssh_host,
        ssh_authorized_keys=ssh_authorized_keys,
    )
