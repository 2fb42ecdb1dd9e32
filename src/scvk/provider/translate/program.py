"""What the group's container starts with: a plain command and variables where they do, else the start-up wrapper.

The wrapper is used for whatever SaladCloud's create request has no place for: files and directories of volumes, init
containers, a working directory, hooks, the termination message, values beyond the request's limits. It must know the
whole command, so that without a `command` the image's configuration is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lightkube.models.core_v1 import PodSpec

from scvk.kubelet.inputs import ContainerInputs, PodInputs
from scvk.provider.translate.command import argv_of, judge_argv, judge_image_argv, secret_items
from scvk.provider.translate.finding import Report
from scvk.provider.translate.lifecycle import post_start_of
from scvk.provider.translate.mounts import Mounted, mounted
from scvk.provider.translate.policy import MOST_WRAPPER_BYTES
from scvk.provider.translate.run_plan import Placed, RunPlan
from scvk.provider.translate.settings import Settings
from scvk.provider.translate.start_up import (
    InitStep,
    StartUp,
    TerminationMessage,
    WrapperTooLarge,
    needs_wrapper,
    wrap,
)
from scvk.provider.translate.termination_path import judge_init_termination_path, termination_message_of
from scvk.provider.translate.variables import judge_environment
from scvk.registry import ImageConfig

_ROOT = frozenset({"", "0", "root"})


@dataclass(frozen=True, slots=True)
class Program:
    """Command and environment of the group, without the marks of ownership; `command` None leaves the image's own.

    `secret_variables` are names in `environment`, and `secret_command` positions in `command`, that hold something of
    a Secret. Where `needs_image` says so, nothing of it can be used before the image's configuration is known.
    """

    command: tuple[str, ...] | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_variables: frozenset[str] = frozenset()
    secret_command: frozenset[int] = frozenset()
    needs_image: bool = False


def program_of(
    spec: PodSpec,
    plan: RunPlan,
    main: Placed,
    inputs: PodInputs,
    image: ImageConfig | None,
    settings: Settings,
    limit_bytes: int,
    report: Report,
) -> Program:
    """Return what the container starts with, and report what of it is the wrapper's work."""
    for placed in plan.runs:
        own = _inputs_of(placed, inputs)
        judge_environment(placed.container, own, placed.path, report)
        judge_argv(own, placed.path, report)
        _judge_working_dir(placed, report)
    for placed in plan.init:
        judge_init_termination_path(placed.container, placed.path, report)
    files = mounted(spec, plan.runs, inputs, report)
    post_start = post_start_of(main.container, main.path, report)
    message = termination_message_of(main.container, main.path, settings, report)
    start_up = _start_up(plan, main, inputs, image, files, post_start, message)
    own = _inputs_of(main, inputs)
    reasons = needs_wrapper(start_up)
    known = image is not None or all(_inputs_of(each, inputs).command for each in (plan.runs if reasons else (main,)))
    if not known and (reasons or own.args):
        return Program(needs_image=True)
    if image is not None:
        for placed in plan.runs if reasons else (main,):
            judge_image_argv(argv_of(_inputs_of(placed, inputs), image) or (), placed.path, report)
    if report.refused:
        return Program()
    secrets = secret_items(own, image)
    if not reasons:
        written = bool(own.command or own.args)
        return Program(
            command=start_up.argv if written else None,
            environment=own.environment,
            secret_variables=_secret_variables(own),
            secret_command=secrets if written else frozenset(),
        )
    hidden = bool(secrets) or any(secret_items(_inputs_of(each, inputs), image) for each in plan.init)
    return _wrapped(start_up, reasons, main, image, limit_bytes, report, secret_argv=hidden)


def _wrapped(
    start_up: StartUp,
    reasons: tuple[str, ...],
    main: Placed,
    image: ImageConfig | None,
    limit_bytes: int,
    report: Report,
    *,
    secret_argv: bool,
) -> Program:
    found = wrap(start_up, limit_bytes=limit_bytes)
    if isinstance(found, WrapperTooLarge):
        report.refuse(
            f"{main.path}.volumeMounts" if start_up.files else main.path,
            "StartUpTooLarge",
            f"What the start-up wrapper has to carry makes {found.size_bytes} bytes of the request, and"
            f" --wrapper-limit allows {found.limit_bytes}: put files into the image, or {_raised(found.size_bytes)}",
        )
        return Program()
    report.emulate(
        main.path,
        "StartUpWrapper",
        f"A start-up wrapper of {found.size_bytes} bytes runs before the program, for {_shortly(reasons)}: the image"
        f" must have {', '.join(found.tools)}{_where_it_writes(start_up, image)}; where it fails, the container ends"
        " with an exit code and a log line of its own",
    )
    secret = found.secret_variables
    if secret_argv:
        # The wrapper carries the argument vectors in variables of its own, and does not say in which.
        secret |= found.environment.keys() - start_up.environment.keys()
    return Program(
        command=found.command,
        environment=found.environment,
        secret_variables=secret,
        secret_command=frozenset(range(3, len(found.command))) if secret_argv else frozenset(),
    )


def _raised(size_bytes: int) -> str:
    if size_bytes > MOST_WRAPPER_BYTES:
        return f"let the program fetch them (the limit can be raised to {MOST_WRAPPER_BYTES} at most)"
    return "have the limit raised"


def _shortly(reasons: tuple[str, ...]) -> str:
    """Return the reasons without the names of variables, which have findings of their own."""
    short = ["values that SaladCloud does not take" if each.startswith("the variable ") else each for each in reasons]
    return ", ".join(dict.fromkeys(short))


def _where_it_writes(start_up: StartUp, image: ImageConfig | None) -> str:
    writes = start_up.files or start_up.directories or start_up.links or start_up.termination_message
    if not writes and start_up.working_dir is None and not any(each.working_dir for each in start_up.init_steps):
        return ""
    user = image.user if image else ""
    if user in _ROOT:
        return " and let its user write where files and directories belong"
    return f" and let its user, {user[:64]}, write where files and directories belong"


def _start_up(
    plan: RunPlan,
    main: Placed,
    inputs: PodInputs,
    image: ImageConfig | None,
    files: Mounted,
    post_start: tuple[str, ...] | None,
    message: TerminationMessage | None,
) -> StartUp:
    own = _inputs_of(main, inputs)
    return StartUp(
        argv=argv_of(own, image) or (),
        environment=own.environment,
        files=files.files,
        directories=files.directories,
        links=files.links,
        working_dir=main.container.workingDir or None,
        init_steps=tuple(_init_step(each, inputs, image) for each in plan.init),
        post_start=post_start,
        termination_message=message,
        secret_variables=_secret_variables(own),
    )


def _init_step(placed: Placed, inputs: PodInputs, image: ImageConfig | None) -> InitStep:
    own = _inputs_of(placed, inputs)
    return InitStep(
        name=placed.name,
        argv=argv_of(own, image) or (),
        environment=own.environment,
        working_dir=placed.container.workingDir or None,
        secret_variables=_secret_variables(own),
    )


def _judge_working_dir(placed: Placed, report: Report) -> None:
    written = placed.container.workingDir
    if not written:
        return
    where = f"{placed.path}.workingDir"
    if "\0" in written:
        report.refuse(where, "InvalidPath", "The path has a null character")
        return
    report.emulate(
        where,
        "WorkingDirInStartUp",
        "The start-up wrapper goes there before the program starts; kubectl exec begins in the image's own directory",
    )


def _secret_variables(own: ContainerInputs) -> frozenset[str]:
    return frozenset(name for name in own.environment if name in own.secret_variables)


def _inputs_of(placed: Placed, inputs: PodInputs) -> ContainerInputs:
    return inputs.containers.get(placed.name, ContainerInputs())
