"""`scvk simulate`: SaladCloud on this machine, in the foreground."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from scvk.cli.examples import examples_of
from scvk.cli.simulator_faults import fault_app
from scvk.simulator.config import REPLICAS_QUOTA, REQUESTS_PER_MINUTE

simulate_app = App(name="simulate")
simulate_app.command(fault_app)


@simulate_app.default
def simulate(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, Parameter(validator=Number(gte=0, lte=65535), help="Port to listen on; 0 takes a free one and prints it.")
    ] = 8787,
    api_key: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="An API key that is accepted, as KEY or, for one that reaches only some organizations, as "
            "KEY=ORG,ORG; repeatable. Default: one is made.",
        ),
    ] = (),
    organization: Annotated[
        tuple[str, ...], Parameter(negative=(), help="An organization that exists; repeatable.")
    ] = ("acme-corp",),
    project: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A project that each organization has; repeatable.")
    ] = ("default",),
    speed: Annotated[float, Parameter(validator=Number(gt=0), help="Simulated seconds in a real one.")] = 1.0,
    seed: Annotated[
        int | None,
        Parameter(help="Makes chance repeatable: what befalls a group follows from the seed and the group's name."),
    ] = None,
    duration: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="How long a step takes in simulated seconds, as STEP=60, STEP=30..90 (any time between) or "
            "STEP=60~240 (half are below the first, nine of ten below the second); repeatable. Steps: image_pull, "
            "allocate, download, create, stop_grace, delete.",
        ),
    ] = (),
    runtime: Annotated[
        Literal["processes", "virtual"],
        Parameter(help="What an instance is: a program of this machine, or a script that only says what happens."),
    ] = "processes",
    unknown_images: Annotated[
        Literal["pull", "idle", "fail"],
        Parameter(
            help="What becomes of images that the catalogue does not have: pulled from their registry, a sleeping "
            "program in their place, or failure."
        ),
    ] = "idle",
    image_catalogue: Annotated[
        Path | None, Parameter(help="A YAML file with images of your own, looked through before the built-in ones.")
    ] = None,
    image_cache: Annotated[
        Path | None,
        Parameter(help="Where images are unpacked, up to 20 GiB. Default: scvk/images in XDG_CACHE_HOME or ~/.cache."),
    ] = None,
    insecure_registry: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="HOST or HOST:PORT of a registry that is asked over plain HTTP and may have a private address; "
            "repeatable. Loopback always may.",
        ),
    ] = (),
    isolation: Annotated[
        Literal["namespaces", "auto", "none"],
        Parameter(
            help="How programs are kept apart: by Linux namespaces or not started at all, as well as the machine "
            "allows, or not."
        ),
    ] = "namespaces",
    list_max: Annotated[
        int | None, Parameter(help="Cuts listings of groups after so many, as SaladCloud may after 100.")
    ] = None,
    replicas_quota: Annotated[int, Parameter(help="Replicas that each organization may have.")] = REPLICAS_QUOTA,
    requests_per_minute: Annotated[
        int, Parameter(help="Requests that each API key may make in a minute.")
    ] = REQUESTS_PER_MINUTE,
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

    Ten thousand groups that run no programs, each doing what its SCVK_SCRIPT says:

        scvk simulate --runtime virtual --replicas-quota 20000 --requests-per-minute 100000

    With a way into the instances, by SSH and through the container gateway:

        scvk simulate --ssh-authorized-keys ~/.ssh/id_ed25519.pub --gateway-port 8788

    """
    # Imported here: it brings servers for SSH and HTTP, which no other command should wait for.
    from scvk.simulator.run import run_simulate  # noqa: PLC0415

    return run_simulate(
        host=host,
        port=port,
        api_keys=api_key,
        organizations=organization,
        projects=project,
        speed=speed,
        seed=seed,
        unknown_images=unknown_images,
        image_catalogue=image_catalogue,
        image_cache=image_cache or _default_cache(),
        insecure_registries=insecure_registry,
        isolation=isolation,
        runtime=runtime,
        durations=duration,
        list_max=list_max,
        replicas_quota=replicas_quota,
        requests_per_minute=requests_per_minute,
        gateway_port=gateway_port,
        gateway_ca_file=gateway_ca_file,
        ssh_host=ssh_host,
        ssh_authorized_keys=ssh_authorized_keys,
    )


simulate_app.help_epilogue = examples_of(simulate)


def _default_cache() -> Path:
    """As the XDG Base Directory Specification 0.8 has it: a relative XDG_CACHE_HOME counts for nothing."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "scvk" / "images"
