"""The command line: one function a command, exit codes 0, 1 (could not) and 2 (used wrongly), no tracebacks."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from cyclopts import App, CycloptsError, Parameter

from scvk import __version__
from scvk.agent import AgentError, run_agent
from scvk.cli.completion import completion_for
from scvk.cli.demo import demo
from scvk.cli.examples import examples_of
from scvk.cli.exposure import exposures
from scvk.cli.gc import gc
from scvk.cli.gpu_classes import gpu_classes
from scvk.cli.log_output import configure_logs
from scvk.cli.rbac import rbac
from scvk.cli.simulate import simulate_app
from scvk.cli.testbed import control_plane
from scvk.cli.translate import translate
from scvk.cli.uninstall import uninstall
from scvk.saladcloud.errors import SaladCloudError
from scvk.settings import AgentSettings, SettingsError, checked, log_level
from scvk.testbed import TestbedError

EXIT_FAILED = 1
EXIT_USAGE = 2
REPLACED_PROGRAM = "virtual-kubelet-saladcloud"
"""The Go program's name: called so, this program runs the agent without a command word, as that one did."""

log = structlog.get_logger(__name__)


def shown_default(value: object) -> str | None:
    """Return how help shows a default; None for those that say nothing: empty, no, none, zero."""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or None
    return None if value is None or value == 0 or value == "" else str(value)


app = App(
    name="scvk",
    version=__version__,
    help="A virtual kubelet: runs the pods of a Kubernetes cluster as SaladCloud container groups.",
    default_parameter=Parameter(show_default=shown_default),
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `execute` has an exit code for it
)


def run(settings: AgentSettings | None = None) -> int:
    """Run the agent: play one node of a cluster until stopped.

    Examples
    --------
    Against the cluster of ~/.kube/config:

        export SALAD_CLOUD_API_KEY=...
        scvk run --sce-organization-name acme-corp --sce-project-name default

    """
    settings = settings or AgentSettings()
    configure_logs(log_level(settings), settings.log_format)
    with suppress(SettingsError):  # run_agent raises it again: what is wrong is then the only thing said
        checked(settings)
        for exposure in exposures(settings, os.environ):
            log.warning(exposure)
    try:
        asyncio.run(run_agent(settings))
    except AgentError as error:
        if settings.log_format == "text":
            raise
        log.critical(one_line(error))  # who reads JSON gets JSON to the last line
        return EXIT_FAILED
    return 0


for _command, _name in (
    (run, "run"),
    (translate, "translate"),
    (gc, "gc"),
    (gpu_classes, "gpu-classes"),
    (rbac, "rbac"),
    (uninstall, "uninstall"),
    (demo, "demo"),
    (control_plane, "testbed"),
    (completion_for(app), "completion"),
):
    app.command(_command, name=_name, help_epilogue=examples_of(_command))
app.command(simulate_app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. `arguments` default to those of the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode is no reason to fail
    sys.exit(execute(words, program=Path(sys.argv[0]).name))


def execute(words: Sequence[str], *, program: str = "scvk") -> int:
    """Run one command; return its exit code. Everything for people's eyes goes to standard error but results."""
    words = implied_command(words, program)
    try:
        result = app(words, exit_on_error=False, print_error=False)
        sys.stdout.flush()  # here, where a reader that went away is no error
    except (SettingsError, CycloptsError) as error:
        return _complain(error, EXIT_USAGE)
    except (AgentError, SaladCloudError, TestbedError) as error:
        return _complain(error, EXIT_FAILED)
    except BrokenPipeError:
        # The reader of our output went away (`scvk … | head`): that is its right, and no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return result if isinstance(result, int) else 0


def implied_command(words: Sequence[str], program: str) -> list[str]:
    """Return the command line with `run` put in front where the replaced program's users leave it out."""
    options_only = not words or words[0].startswith("-")
    asks = any(word in ("--help", "-h", "--version") for word in words)
    if options_only and not asks and (program == REPLACED_PROGRAM or words):
        return ["run", *words]
    return list(words)


def one_line(error: Exception) -> str:
    """Return the error's text without line breaks."""
    return " ".join(str(error).split())


def _complain(error: Exception, code: int) -> int:
    # A testbed's error brings the tail of what a program wrote, which is worth its lines; all others are one line.
    text = str(error) if isinstance(error, TestbedError) else one_line(error)
    print(f"scvk: {text}", file=sys.stderr)
    if code == EXIT_USAGE:
        print("Try 'scvk --help', or 'scvk COMMAND --help'.", file=sys.stderr)
    return code
