"""Every `salad.com/…` annotation that a pod may carry: the one list of them.

Translation reads pods by it, typos are told by it, and `docs/annotations.md` is generated from it.
Annotations under `scvk.salad.com/` are this program's own notes on a pod, and no settings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from scvk.provider.log_sinks import SINKS, SinkSetting
from scvk.saladcloud.models import LoadBalancer, NetworkingProtocol, Priority

PREFIX = "salad.com/"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One setting.

    `name` stands behind the prefix; `values` says what may be written, `meaning` what it does and `default` what
    holds without it: sentences in Markdown. `options` are the values where they are a closed list. The value of a
    `secret` one is never shown.
    """

    name: str
    values: str
    meaning: str
    default: str
    options: tuple[str, ...] = ()
    secret: bool = False

    @property
    def key(self) -> str:
        """The annotation as it stands on a pod."""
        return PREFIX + self.name

    @property
    def path(self) -> str:
        """Where it stands in the pod, as Kubernetes writes such paths."""
        return path_of(self.key)


def path_of(key: str) -> str:
    """Return the path of the annotation `key` of a pod."""
    return f"metadata.annotations[{key}]"


def _choice(options: Iterable[str]) -> str:
    return " or ".join(f"`{option}`" for option in options)


_PROTOCOLS = tuple(member.value for member in NetworkingProtocol)
_LOAD_BALANCERS = tuple(member.value for member in LoadBalancer)
_PRIORITIES = tuple(member.value for member in Priority)
_BOOLEAN = "`true` or `false`"
_NEEDS_PORT = "Needs `salad.com/networking-port`."

# The platform's limits: OpenAPI document, ContainerGroupNetworkingPort and …Timeout.
PORT_RANGE = (1, 65535)
TIMEOUT_RANGE_MS = (1, 100_000)

GPU_CLASSES = Annotation(
    name="gpu-classes",
    values="comma-separated names or UUIDs of GPU classes, such as `RTX 4090 (24 GB), rtx3090`",
    meaning=(
        "The GPU classes that the pod may run on: it gets any one of them. Names ignore case, and the memory in"
        " parentheses may be left out where the rest is unambiguous. A pod that asks for `nvidia.com/gpu: N` needs"
        " this annotation, with classes of N GPUs, unless the operator has named default classes. On a Namespace it is"
        " for pods that ask for no class as a resource."
    ),
    default="no GPU",
)
COUNTRY_CODES = Annotation(
    name="country-codes",
    values="comma-separated two-letter country codes (ISO 3166-1), such as `us, ca`",
    meaning="The countries whose machines may run the pod.",
    default="every country",
)
PRIORITY = Annotation(
    name="container-group-priority",
    values=_choice(_PRIORITIES),
    meaning=(
        "A higher priority costs more, and can interrupt a lower one. SaladCloud runs groups without a GPU at the"
        " lowest, whatever is written."
    ),
    default="SaladCloud's own",
    options=_PRIORITIES,
)
IMAGE_CACHING = Annotation(
    name="image-caching",
    values=_BOOLEAN,
    meaning="Whether SaladCloud may cache the image on its machines.",
    default="SaladCloud's own",
)
NETWORKING_PORT = Annotation(
    name="networking-port",
    values="a port number from 1 to 65535, or the name of one of the container's ports",
    meaning=(
        "The port that SaladCloud's gateway makes reachable over HTTPS. The program must listen there on IPv6, or"
        " on both. All networking settings are fixed once the pod has its container group. On a Namespace, a name is"
        " for pods that have a port of that name."
    ),
    default="the pod cannot be reached from outside",
)
NETWORKING_PROTOCOL = Annotation(
    name="networking-protocol",
    values=_choice(_PROTOCOLS),
    meaning=f"The protocol that the program speaks at its port. {_NEEDS_PORT}",
    default="`http`",
    options=_PROTOCOLS,
)
NETWORKING_AUTH = Annotation(
    name="networking-auth",
    values=_BOOLEAN,
    meaning=f"Whether callers must send a `Salad-Api-Key` header of the organization. {_NEEDS_PORT}",
    default="`true`",
)
NETWORKING_LOAD_BALANCER = Annotation(
    name="networking-load-balancer",
    values=_choice(_LOAD_BALANCERS),
    meaning=f"How the gateway chooses an instance. A pod has only one. {_NEEDS_PORT}",
    default="SaladCloud's own, `round_robin`",
    options=_LOAD_BALANCERS,
)
NETWORKING_SINGLE_CONNECTION_LIMIT = Annotation(
    name="networking-single-connection-limit",
    values=_BOOLEAN,
    meaning=f"Whether the gateway sends one request at a time. {_NEEDS_PORT}",
    default="SaladCloud's own, `false`",
)
NETWORKING_CLIENT_REQUEST_TIMEOUT = Annotation(
    name="networking-client-request-timeout",
    values="milliseconds, 1 to 100000",
    meaning=f"How long the gateway waits for the caller's request. {_NEEDS_PORT}",
    default="SaladCloud's own, 100000",
)
NETWORKING_SERVER_RESPONSE_TIMEOUT = Annotation(
    name="networking-server-response-timeout",
    values="milliseconds, 1 to 100000",
    meaning=f"How long the gateway waits for the program's answer. {_NEEDS_PORT}",
    default="SaladCloud's own, 100000",
)

CONTAINER = Annotation(
    name="container",
    values="the name of one of the pod's containers",
    meaning=(
        "Which container runs, where a pod has several: a container group has one. The others are shown as terminated"
        " with the reason `NotRun`, and do not count for Ready. On a Namespace it holds for pods that have a container"
        " of that name."
    ),
    default="a pod of several containers is refused, unless the others are known as injected (`--ignore-containers`)",
)
INIT_CONTAINERS = Annotation(
    name="init-containers",
    values="`ignore`",
    meaning=(
        "Leaves out the init containers that cannot run: those with another image than the container, and sidecars."
        " Those with the same image run before the program all the same."
    ),
    default="a pod with such init containers is refused",
    options=("ignore",),
)
REGISTRY_SECRET = Annotation(
    name="registry-secret",
    values="the name of a Secret in the pod's namespace",
    meaning=(
        "The login to the image's registry, where a pull secret cannot hold it: the keys `access_key_id` and"
        " `secret_access_key` for AWS ECR, `service_key` for Google Artifact Registry and Container Registry, or"
        " `username` and `password` for any other. On a Namespace, keys of a cloud are for images of its registries."
    ),
    default="the pull secret of the pod that matches the image",
)
TERMINATION_MESSAGE = Annotation(
    name="termination-message",
    values=_BOOLEAN,
    meaning=(
        "Whether the termination message at its default path, `/dev/termination-log`, is collected: the start-up"
        " wrapper then stays as the program's parent and hands the message over through the log."
    ),
    default="collected only from a `terminationMessagePath` that is not the default",
)

QUEUE_NAME = Annotation(
    name="queue-name",
    values=(
        "the name of a queue of the project: 2 to 63 lower-case letters, digits and hyphens, a letter first and no"
        " hyphen last"
    ),
    meaning="The job queue whose jobs the program gets. Needs `salad.com/queue-port` and `salad.com/queue-path`.",
    default="no queue",
)
QUEUE_PORT = Annotation(
    name="queue-port",
    values="a port number from 1 to 65535, or the name of one of the container's ports",
    meaning="The port at which the program takes jobs. Needs `salad.com/queue-name`.",
    default="no queue",
)
QUEUE_PATH = Annotation(
    name="queue-path",
    values="a path, such as `/jobs`",
    meaning="The path to which jobs are sent. Needs `salad.com/queue-name`.",
    default="no queue",
)

LOGGING_SECRET = Annotation(
    name="logging-secret",
    values="the name of a Secret in the pod's namespace",
    meaning=(
        "Holds what must not stand in an annotation: `api_token`, `api_key`, `ingestion_key`, `token`, `user`,"
        " `password` or `headers`, whichever the sink needs. Needs the annotations that say which sink it is."
    ),
    default="all of a sink's settings are annotations",
)


def _sink_annotation(sink: str, setting: SinkSetting) -> Annotation:
    what = f"The {setting.name.replace('-', ' ')} of a sink for the program's output: {sink}."
    where = " Better kept in the Secret of `salad.com/logging-secret`." if setting.secret else ""
    return Annotation(
        name=f"logging-{sink}-{setting.name}",
        values=setting.values,
        meaning=what + where,
        default=setting.default or f"no {sink} sink; needed for one",
        options=setting.options,
        secret=setting.secret,
    )


NETWORKING = (
    NETWORKING_PORT,
    NETWORKING_PROTOCOL,
    NETWORKING_AUTH,
    NETWORKING_LOAD_BALANCER,
    NETWORKING_SINGLE_CONNECTION_LIMIT,
    NETWORKING_CLIENT_REQUEST_TIMEOUT,
    NETWORKING_SERVER_RESPONSE_TIMEOUT,
)
"""What the container gateway knows of a pod."""

QUEUE = (QUEUE_NAME, QUEUE_PORT, QUEUE_PATH)
"""What makes a queue's connection."""

RESIZE = Annotation(
    name="resize",
    values="`restart`",
    meaning=(
        "What a changed request for cpu or memory of a running pod (`kubectl patch --subresource resize`) does: with"
        " `restart` its container group gets what is asked for now, and SaladCloud starts the program again, as a rule"
        " on another machine."
    ),
    default="a running pod keeps what it has, and its condition `PodResizePending` says `Infeasible`",
    options=("restart",),
)

LOGGING = {(sink, setting.name): _sink_annotation(sink, setting) for sink in SINKS for setting in SINKS[sink]}
"""The annotation of each setting of each sink; a pod has one sink at most."""

ANNOTATIONS = (
    GPU_CLASSES,
    COUNTRY_CODES,
    PRIORITY,
    IMAGE_CACHING,
    CONTAINER,
    INIT_CONTAINERS,
    REGISTRY_SECRET,
    TERMINATION_MESSAGE,
    RESIZE,
    *NETWORKING,
    *QUEUE,
    LOGGING_SECRET,
    *LOGGING.values(),
)
"""All of them, in the order of the documentation."""

GATEWAY_URL = Annotation(
    name="gateway-url",
    values="a URL, such as `https://…salad.cloud`",
    meaning=(
        "Where the gateway makes the pod reachable, once its container group has a name there. A pod keeps its URL for"
        " life; the next pod has another."
    ),
    default="the pod has no `salad.com/networking-port`, or its group shows no name yet",
)

ANSWERS = (GATEWAY_URL,)
"""What the virtual kubelet writes on a pod for people and programs to read: no settings."""

_KNOWN_KEYS = frozenset(annotation.key for annotation in (*ANNOTATIONS, *ANSWERS))


def unknown_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the keys that look like a setting of ours and are none, in their order."""
    return tuple(key for key in keys if key.startswith(PREFIX) and key not in _KNOWN_KEYS)


def nearest_key(key: str) -> str | None:
    """Return the known annotation that is written most like `key`, or the only one with its words; None without."""
    names = [annotation.name for annotation in ANNOTATIONS]
    written = key.removeprefix(PREFIX).casefold()
    close = difflib.get_close_matches(written, names, n=1, cutoff=0.6)
    if not close:
        words = set(re.findall("[a-z0-9]+", written))
        close = [name for name in names if words and words <= set(name.split("-"))]
    return PREFIX + close[0] if len(close) == 1 else None
