"""CPU, memory, storage and GPUs: what is asked for, in the steps that SaladCloud sells.

Requests count, else limits, else those of the whole pod, else the least there is; of the containers that run one
after the other, the greatest. Rounded up, never less than asked for. SaladCloud has no limit above what it grants, so
a higher limit is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lightkube.models.core_v1 import Container, ResourceRequirements

from scvk.kubelet.quantities import InvalidQuantityError, ceil_in, parse_quantity
from scvk.provider.gpu_catalogue import RESOURCE_PREFIX
from scvk.provider.translate.finding import Report
from scvk.provider.translate.policy import ResourceSteps

GPU_RESOURCE = "nvidia.com/gpu"
CPU, MEMORY, STORAGE = "cpu", "memory", "ephemeral-storage"

GIB = 2**30
MB_PER_GIB = 1024
"""SaladCloud's megabytes: 1024 MB are what its portal calls 1 GB."""

# OpenAPI document, CreateContainerResourceRequirements
_MAX_CPU_CORES = 1024
_MAX_MEMORY_GIB = 2**20
_MIN_STORAGE_BYTES = GIB
_MAX_STORAGE_BYTES = 2**50

# The Go program's steps: SaladTechnologies/virtual-kubelet-saladcloud d097e61, internal/utils/utils.go
_LEGACY_CPU_CORES = (1, 2, 3, 4, 6, 8, 12, 16)
_LEGACY_MEMORY_GIB = (1, 2, 3, 4, 6, 8, 12, 16, 24, 30, 38, 60)

_OF_A_POD = frozenset({CPU, MEMORY})
"""What Kubernetes lets a whole pod ask for, and SaladCloud has (there are huge pages besides)."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What the group gets.

    `cpu` in cores, `memory_mb` in SaladCloud's megabytes, `storage_bytes` None where none was asked for.
    `gpu_count` is the number of GPUs that was asked for without saying which, 0 where none was; `gpu_names` the GPU
    classes that were asked for as resources, with the number of GPUs. `paths` says for each resource where in the pod
    it is asked for.
    """

    cpu: int
    memory_mb: int
    storage_bytes: int | None
    gpu_count: int = 0
    gpu_names: Mapping[str, int] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wish:
    amount: Fraction
    path: str


@dataclass(frozen=True, slots=True)
class _Declared:
    """The resources of one container or of the pod, read; `asked` is the request, else the limit."""

    requests: Mapping[str, _Wish]
    limits: Mapping[str, _Wish]

    @property
    def asked(self) -> dict[str, _Wish]:
        return {**self.limits, **self.requests}


def resources_of(
    container: Container,
    path: str,
    report: Report,
    *,
    before: Iterable[tuple[Container, str]] = (),
    pod: ResourceRequirements | None = None,
    steps: ResourceSteps = ResourceSteps.WHOLE,
) -> Granted:
    """Return what the group gets for the container's requests and limits.

    `before` are the init containers that run first, each with its path; `pod` is what the pod as a whole asks for.
    """
    own = _declared(container.resources, f"{path}.resources", report)
    whole = _declared(pod, "spec.resources", report)
    asked = {name: wish for name, wish in whole.asked.items() if name in _OF_A_POD} | own.asked
    for init, init_path in before:
        for name, wish in _declared(init.resources, f"{init_path}.resources", report).asked.items():
            if name not in asked or asked[name].amount < wish.amount:
                asked[name] = wish
    _judge_names({**whole.asked, **asked}, report)
    for name, wish in whole.asked.items():
        of_a_container = name in (STORAGE, GPU_RESOURCE) or name.startswith(RESOURCE_PREFIX)
        if of_a_container and wish.amount > 0:
            report.refuse(
                wish.path,
                "UnsupportedResource",
                f"Only cpu and memory can be asked for by the pod as a whole; ask for {name} on the container",
            )

    granted = Granted(
        cpu=_cores(asked.get(CPU), steps, report),
        memory_mb=_memory_gib(asked.get(MEMORY), steps, report) * MB_PER_GIB,
        storage_bytes=_storage_bytes(asked.get(STORAGE), report),
        gpu_count=_pieces(asked.get(GPU_RESOURCE), report),
        gpu_names={
            name.removeprefix(RESOURCE_PREFIX): count
            for name, wish in asked.items()
            if name.startswith(RESOURCE_PREFIX) and (count := _pieces(wish, report))
        },
        paths={name: wish.path for name, wish in asked.items()},
    )
    amounts = {CPU: granted.cpu, MEMORY: granted.memory_mb // MB_PER_GIB * GIB, STORAGE: granted.storage_bytes}
    _judge_limits(own.limits, amounts, report)
    _judge_limits({name: wish for name, wish in whole.limits.items() if name in _OF_A_POD}, amounts, report)
    _judge_pod_requests(whole.requests, amounts, report)
    return granted


def _declared(declared: ResourceRequirements | None, path: str, report: Report) -> _Declared:
    if declared is None:
        return _Declared({}, {})
    if declared.claims:
        report.refuse(
            f"{path}.claims",
            "UnsupportedResourceClaim",
            "SaladCloud has no devices to claim; ask for a GPU with the annotation salad.com/gpu-classes",
        )
    return _Declared(
        _quantities(declared.requests or {}, f"{path}.requests", report),
        _quantities(declared.limits or {}, f"{path}.limits", report),
    )


def _quantities(written: Mapping[str, str], path: str, report: Report) -> dict[str, _Wish]:
    wishes: dict[str, _Wish] = {}
    for name, text in written.items():
        where = f"{path}[{name}]" if set(name) & {".", "/"} else f"{path}.{name}"
        try:
            amount = parse_quantity(text)
        except InvalidQuantityError as error:
            report.refuse(where, "InvalidQuantity", str(error))
            continue
        if amount < 0:
            report.refuse(where, "InvalidQuantity", "It is less than nothing; write 0 or more")
            continue
        wishes[name] = _Wish(amount, where)
    return wishes


def _judge_names(asked: Mapping[str, _Wish], report: Report) -> None:
    for name, wish in asked.items():
        known = name in (CPU, MEMORY, STORAGE, GPU_RESOURCE) or name.startswith(RESOURCE_PREFIX)
        if not known and wish.amount != 0:
            report.refuse(wish.path, "UnsupportedResource", f"SaladCloud has no resource {name}; {_remedy(name)}")


def _remedy(name: str) -> str:
    if name.startswith("hugepages-"):
        return "remove it, and let the program do with ordinary memory"
    if "gpu" in name or name.startswith("nvidia.com/"):
        return f"remove it, and ask for GPUs with {GPU_RESOURCE} and the annotation salad.com/gpu-classes"
    return "remove it, or keep the pod off the node"


def _cores(wish: _Wish | None, steps: ResourceSteps, report: Report) -> int:
    cores = max(1, ceil_in(wish.amount, 1)) if wish else 1
    return _stepped(cores, _LEGACY_CPU_CORES, _MAX_CPU_CORES, "cores", wish, steps, report)


def _memory_gib(wish: _Wish | None, steps: ResourceSteps, report: Report) -> int:
    gib = max(1, ceil_in(wish.amount, GIB)) if wish else 1
    return _stepped(gib, _LEGACY_MEMORY_GIB, _MAX_MEMORY_GIB, "GiB", wish, steps, report)


def _stepped(
    amount: int,
    legacy: tuple[int, ...],
    most: int,
    unit: str,
    wish: _Wish | None,
    steps: ResourceSteps,
    report: Report,
) -> int:
    if steps is ResourceSteps.LEGACY:
        granted = next((step for step in legacy if step >= amount), None)
        most = legacy[-1]
    else:
        granted = amount if amount <= most else None
    if granted is None:
        assert wish is not None
        _refuse_beyond(wish, f"{most} {unit}", f"{amount} {unit}", report)
        return most
    return granted


def _storage_bytes(wish: _Wish | None, report: Report) -> int | None:
    if wish is None or wish.amount <= 0:
        return None
    amount = ceil_in(wish.amount, 1)
    if amount > _MAX_STORAGE_BYTES:
        _refuse_beyond(wish, "1 PiB", f"{ceil_in(wish.amount, GIB)} GiB", report)
        return _MAX_STORAGE_BYTES
    return max(_MIN_STORAGE_BYTES, amount)


def _refuse_beyond(wish: _Wish, most: str, asked: str, report: Report) -> None:
    report.refuse(
        wish.path, "ResourceBeyondLimit", f"SaladCloud grants at most {most} to a container; this asks for {asked}"
    )


def _pieces(wish: _Wish | None, report: Report) -> int:
    if wish is None:
        return 0
    if wish.amount.denominator != 1:
        report.refuse(wish.path, "UnsupportedResource", "GPUs come as whole ones")
    return int(wish.amount)


def _judge_limits(limits: Mapping[str, _Wish], granted: Mapping[str, int | None], report: Report) -> None:
    for name, amount in granted.items():
        # No storage was asked for: SaladCloud gives what it gives, and that may be less or more than the limit.
        if name in limits and amount is not None and limits[name].amount > amount:
            report.degrade(
                limits[name].path,
                "LimitAboveGranted",
                f"The {name} limit is more than SaladCloud grants for the request, and there is nothing above what is"
                " granted; raise the request to have as much",
            )


def _judge_pod_requests(requests: Mapping[str, _Wish], granted: Mapping[str, int | None], report: Report) -> None:
    for name, wish in requests.items():
        amount = granted.get(name)
        if name in _OF_A_POD and amount is not None and wish.amount > amount:
            report.degrade(
                wish.path,
                "PodRequestAboveGranted",
                f"The container has a {name} request of its own, and that is what SaladCloud grants; raise it to have"
                " as much as the pod asks for",
            )
