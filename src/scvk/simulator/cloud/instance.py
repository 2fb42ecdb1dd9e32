"""One instance's life, from looking for a machine to its end.

    allocating -> downloading -> creating -> running
         ^                          ^           | exit: back-off, then starting again on the same machine
         |                          +-----------+
         +------------------------------------- + machine gone, probe failed, reallocated: from the beginning
    any of them -> stopping -> gone

Every run of a program has its own listener, so that news of an earlier run are told apart and dropped.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from scvk.simulator.clock import Agenda
from scvk.simulator.cloud.definition import Definition
from scvk.simulator.cloud.doors import SshAddress
from scvk.simulator.cloud.events import InstanceEvent, exited
from scvk.simulator.cloud.exits import Backoff, Verdict, after_exit
from scvk.simulator.cloud.figures import Figures
from scvk.simulator.cloud.journal import Journal
from scvk.simulator.cloud.means import Means
from scvk.simulator.cloud.probing import ProbeWatch
from scvk.simulator.cloud.run import Run
from scvk.simulator.cloud.states import InstanceState
from scvk.simulator.durations import Duration
from scvk.simulator.runtime.contract import Container, Launch

# What a status of a failed start counts as: command not found, as shells say it.
_START_FAILURE_STATUS = 127
# While no machine is free the platform goes on looking; how often is a guess.
_SEARCH_AGAIN_S = 10.0


class Surroundings(Protocol):
    """What an instance needs of its group."""

    def launch(self, instance: Instance) -> Launch:
        """The container to start, with the platform's environment."""

    def instance_began_running(self) -> None:
        """The instance runs its program."""

    def instance_finished(self, instance: Instance, *, succeeded: bool) -> None:
        """The program ended for good; the instance is no more."""

    def instance_gone(self, instance: Instance) -> None:
        """The instance was stopped and is no more."""


class Instance:
    """One instance of a group, running `version` of its definition."""

    def __init__(
        self, means: Means, group: Surroundings, journal: Journal, definition: Definition, version: int
    ) -> None:
        self._means = means
        self._group = group
        self._journal = journal
        self._agenda = Agenda(means.clock)
        self._backoff = Backoff(means.durations)
        self._run: Run | None = None
        self._step_began = 0.0
        self._step_length_s = 0.0
        self.id = means.new_id()
        self.machine_id = ""
        self.definition = definition
        self.version = version
        self.state = InstanceState.ALLOCATING
        self.update_time: datetime = means.clock.now()
        self.started = False
        self.ready = False
        self.deletion_cost = 0
        self.ssh: SshAddress | None = None
        self._labels: Mapping[str, str] = {}

    @property
    def pulling_progress(self) -> float:
        """Percent of the download, 0 to 100; also 100 in all later states."""
        if self.state is InstanceState.ALLOCATING:
            return 0.0
        if self.state is not InstanceState.DOWNLOADING or self._step_length_s <= 0:
            return 100.0
        share = (self._means.clock.time() - self._step_began) / self._step_length_s
        return round(min(100.0, max(0.0, 100.0 * share)), 1)

    @property
    def container(self) -> Container | None:
        """The running container, if any."""
        return self._run.container if self._run is not None else None

    @property
    def figures(self) -> Figures | None:
        """What it uses, as last measured; None until it ran for a minute."""
        return self._run.figures if self._run is not None else None

    # --- what is asked of it ---

    def begin(self) -> None:
        """Look for a machine."""
        self._allocate()

    def stop(self) -> None:
        """SIGTERM, after the grace time SIGKILL; it is gone when its program is. May be repeated."""
        if self.state is InstanceState.STOPPING:
            return
        self._agenda.call_off()
        self._enter(InstanceState.STOPPING)
        self._end_program(self._gone)

    def interrupt(self, event: InstanceEvent) -> None:
        """The machine is lost at once: the program dies without notice, another machine is sought."""
        if self.state is InstanceState.STOPPING:
            return
        self._event(event)
        self._kill_program()
        self._allocate()

    def recreate(self) -> None:
        """A new container on the same machine."""
        if self.state not in {InstanceState.RUNNING, InstanceState.CREATING}:
            return
        self._event(InstanceEvent.RECREATED)
        self._agenda.call_off()
        self._end_program(self._create)

    def restart(self) -> None:
        """The same container again."""
        if self.state not in {InstanceState.RUNNING, InstanceState.CREATING}:
            return
        self._event(InstanceEvent.RESTARTED)
        self._agenda.call_off()
        self._end_program(self._start)

    def abandon(self) -> None:
        """The simulator ends: no further timer and no further event."""
        self._agenda.call_off()
        self._forget_run()

    # --- the way up ---

    def _allocate(self) -> None:
        self._agenda.call_off()
        # Known from here on because answers must carry one (`machine_id` is required, OpenAPI document).
        self.machine_id = self._means.new_id()
        self._labels = self._journal.instance_labels(self.id, self.machine_id, self.version)
        self._backoff = Backoff(self._means.durations)
        self._enter(InstanceState.ALLOCATING)
        self._step(self._means.durations.allocate_s, self._find_machine)

    def _find_machine(self) -> None:
        if self._means.mishaps.capacity_left(self.definition):
            self._download()
        else:
            self._agenda.after(_SEARCH_AGAIN_S, self._find_machine)

    def _download(self) -> None:
        self._event(InstanceEvent.ALLOCATED)
        self._enter(InstanceState.DOWNLOADING)
        self._event(InstanceEvent.DOWNLOADING)
        self._step(self._means.durations.download_s, self._create)

    def _create(self) -> None:
        self._enter(InstanceState.CREATING)
        self._event(InstanceEvent.CREATING)
        self._step(self._means.durations.create_s, self._start)

    def _start(self) -> None:
        self._enter(InstanceState.CREATING)
        self._event(InstanceEvent.STARTING)
        run = Run(self, self._means.clock, self._labels)
        self._run = run
        run.container = self._means.runtime.start(self._group.launch(self), run)

    def _step(self, duration: Duration, then: Callable[[], None]) -> None:
        self._step_began = self._means.clock.time()
        self._step_length_s = self._means.vary(duration)
        self._agenda.after(self._step_length_s, then)

    # --- what the program does ---

    def program_started(self, run: Run) -> None:
        """The program executes: probes begin."""
        if run is not self._run or self.state is InstanceState.STOPPING or run.unwanted:
            return
        self._enter(InstanceState.RUNNING)
        self._event(InstanceEvent.RUNNING)
        self._group.instance_began_running()
        probes = self.definition.probes
        self.started = probes.startup is None
        self.ready = self.started and probes.readiness is None
        if run.container is not None:
            run.watch = ProbeWatch(
                self._means.clock,
                run.container,
                probes,
                on_startup=self._startup_verdict,
                on_liveness=self._liveness_verdict,
                on_readiness=self._readiness_verdict,
            )
            run.watch.begin()
            if run.container.inside is not None:
                self._means.doors.open(self, run.container.inside)
            run.begin_measuring()

    def disk_exceeded(self, run: Run) -> None:
        """The program wrote more than the group asked for: the platform ends it, and seeks another machine."""
        if run is self._run and not run.unwanted:
            self.interrupt(InstanceEvent.INTERRUPTED_DISK)

    def program_said(self, run: Run, line: str) -> None:
        """A line of output; also the last words of a run that the instance has already left."""
        self._journal.output(run.labels, line)

    def program_ended(self, run: Run, status: int | None) -> None:
        """The program ended by itself with `status`, or could not be started (None)."""
        if run is not self._run:
            return
        self._forget_run()
        if run.unwanted:
            self._agenda.call_off()
            if run.then is not None:
                run.then()
            return
        self._event(InstanceEvent.START_FAILURE if status is None else exited(status))
        verdict = after_exit(self.definition.restart_policy, _START_FAILURE_STATUS if status is None else status)
        if verdict is Verdict.RESTART:
            self._enter(InstanceState.CREATING)
            ran_for_s = self._means.clock.time() - run.began_at
            self._agenda.after(self._backoff.next_delay_s(ran_for_s), self._start)
        else:
            self._agenda.call_off()
            self._group.instance_finished(self, succeeded=verdict is Verdict.SUCCEEDED)

    def _startup_verdict(self, passed: bool) -> None:
        if not passed:
            self.interrupt(InstanceEvent.INTERRUPTED_STARTUP)
            return
        self.started = True
        self.ready = self.definition.probes.readiness is None
        self._event(InstanceEvent.STARTUP_PASSED)

    def _liveness_verdict(self, passed: bool) -> None:
        if not passed:
            self.interrupt(InstanceEvent.INTERRUPTED_LIVENESS)

    def _readiness_verdict(self, passed: bool) -> None:
        self.ready = passed
        self._event(InstanceEvent.READY if passed else InstanceEvent.NOT_READY)

    # --- the way down ---

    def _end_program(self, then: Callable[[], None]) -> None:
        """Ask the program to end, insist after the grace time, and go on when it has."""
        run = self._run
        if run is None or run.container is None:
            self._agenda.after(0, then)
            return
        run.unwanted = True
        run.then = then
        run.end_watching()
        self.started = self.ready = False
        container = run.container
        container.signal(signal.SIGTERM)
        self._agenda.after(self._means.durations.stop_grace_s, lambda: container.signal(signal.SIGKILL))

    def _kill_program(self) -> None:
        """For the platform the program is gone at once; its last words still come in."""
        run = self._run
        self._forget_run()
        if run is not None and run.container is not None:
            run.container.signal(signal.SIGKILL)

    def _forget_run(self) -> None:
        if self._run is not None:
            self._run.end_watching()
            self._means.doors.close(self)
        self._run = None
        self.started = self.ready = False

    def _gone(self) -> None:
        self._agenda.call_off()
        self._group.instance_gone(self)

    def _enter(self, state: InstanceState) -> None:
        if state is not self.state:
            self.state = state
            self.update_time = self._means.clock.now()

    def _event(self, event: str) -> None:
        self._journal.instance_event(event, self._labels, self.version, self.definition)
