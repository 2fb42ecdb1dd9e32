"""What a virtual container does, and the small language in which a group says it.

A script is one or more sentences, separated by `;`:

    run                      run until stopped (also what an empty script does)
    exit N [after TIME]      end with status N (0-255)
    killed [after TIME]      end as one that used too much memory (status 137)
    fill disk [after TIME]   write more than the group asked for
    never start [REASON]     fail to start, for that reason
    say TEXT                 write a line
    ready after TIME         probes fail until then
    unready after TIME       probes fail from then on
    ignore sigterm           end only by SIGKILL
    use CPU cpu N mb         the figures: processors, MiB of memory

TIME is a number with `ms`, `s`, `m` or `h`, or without one, which means seconds; always simulated time since the
start of the container. A group's script is, whichever comes first:

1. the value of its environment variable SCVK_SCRIPT;
2. the rest of its command, where the first word is `scvk-script`;
3. the tag of its image, where its repository's last part is `scvk-script`: `-` for spaces, `_` for `;`, as in
   `scvk-script:say-hello_exit-3-after-10s`;
4. the obvious for the commands `true`, `false` and `sleep TIME`; else `run`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scvk.saladcloud.models.probes import Probe
from scvk.simulator.runtime.contract import Launch

VARIABLE = "SCVK_SCRIPT"
WORD = "scvk-script"
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)?")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_KILLED_STATUS = 137


class ScriptError(ValueError):
    """A sentence that is none; the message names it."""


def _always(_probe: Probe, _age_s: float) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Script:
    """What a container does.

    `fails_to_start`: the reason, for one that never starts. `exit_after_s`: simulated seconds from its
    start to its exit with `exit_status`, None to run for ever. `output` is written at the start.
    `ignores_sigterm` needs SIGKILL. `probe` answers every check, with the simulated seconds since the
    start. `fills_disk_after_s`: when it writes too much, None for never. `cpu` (processors) and
    `memory_mib` are what is measured.
    """

    fails_to_start: str | None = None
    exit_after_s: float | None = None
    exit_status: int = 0
    output: bytes = b""
    ignores_sigterm: bool = False
    probe: Callable[[Probe, float], bool] = _always
    fills_disk_after_s: float | None = None
    cpu: float = 0.1
    memory_mib: float = 64.0


FOR_EVER = Script()


def script_of(launch: Launch) -> Script:
    """The script of a container; one that cannot be read fails to start, and says why."""
    text = _text(launch)
    if text is None:
        return _obvious(launch.argv)
    try:
        return parse_script(text)
    except ScriptError as error:
        return Script(fails_to_start=str(error))


def parse_script(text: str) -> Script:
    """Raises ScriptError."""
    script = FOR_EVER
    for sentence in text.split(";"):
        words = sentence.split()
        if words:
            script = _with(script, words)
    return script


def parse_time_s(text: str) -> float:
    """Seconds from `10`, `10s`, `1.5m`, `250ms`, `2h`. Raises ScriptError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ScriptError(f"script: {text[:40]!r} is no time such as 10s or 5m")
    return float(found[1]) * _UNITS_S[found[2]]


def _text(launch: Launch) -> str | None:
    if VARIABLE in launch.env:
        return launch.env[VARIABLE]
    if launch.argv and launch.argv[0] == WORD:
        return " ".join(launch.argv[1:])
    repository, _, tag = launch.image.rpartition(":")
    if tag and repository.rpartition("/")[2] == WORD:
        return tag.replace("-", " ").replace("_", ";")
    return None


def _obvious(argv: Sequence[str]) -> Script:
    match list(argv):
        case ["true"]:
            return Script(exit_after_s=0)
        case ["false"]:
            return Script(exit_after_s=0, exit_status=1)
        case ["sleep", time] if _TIME.fullmatch(time):
            return Script(exit_after_s=parse_time_s(time))
        case _:
            return FOR_EVER


def _with(script: Script, words: list[str]) -> Script:
    match words:
        case ["run"]:
            return script
        case ["exit", status, *when] if status.isascii() and status.isdigit() and int(status) <= 255:
            return replace(script, exit_status=int(status), exit_after_s=_after(when, words))
        case ["killed", *when]:
            return replace(script, exit_status=_KILLED_STATUS, exit_after_s=_after(when, words))
        case ["fill", "disk", *when]:
            return replace(script, fills_disk_after_s=_after(when, words))
        case ["never", "start", *reason]:
            return replace(script, fails_to_start=" ".join(reason) or "as its script says")
        case ["say", *text]:
            return replace(script, output=script.output + " ".join(text).encode() + b"\n")
        case ["ready", *when]:
            ready_s = _after(when, words)
            return replace(script, probe=lambda _probe, age_s: age_s >= ready_s)
        case ["unready", *when]:
            unready_s, before = _after(when, words), script.probe
            return replace(script, probe=lambda probe, age_s: age_s < unready_s and before(probe, age_s))
        case ["ignore", "sigterm"]:
            return replace(script, ignores_sigterm=True)
        case ["use", cpu, "cpu", memory, "mb"] if _NUMBER.fullmatch(cpu) and _NUMBER.fullmatch(memory):
            return replace(script, cpu=float(cpu), memory_mib=float(memory))
        case _:
            raise _no_sentence(words)


_NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?")


def _after(when: list[str], words: list[str]) -> float:
    match when:
        case []:
            return 0.0
        case ["after", time]:
            return parse_time_s(time)
        case _:
            raise _no_sentence(words)


def _no_sentence(words: list[str]) -> ScriptError:
    return ScriptError(f"script: {' '.join(words)[:80]!r} is no sentence of a script")
