"""Catalogues, merging, the rate limit, faults, and the launcher's messages."""

from __future__ import annotations

import os
import resource
import socket
import uuid
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.saladcloud.models import Priority, body_of, packaged_classes
from scvk.saladcloud.models.document import violations
from scvk.simulator.api.faults import Fault, FaultKind, Faults
from scvk.simulator.api.ratelimit import SlidingWindow
from scvk.simulator.clock import Agenda, ManualClock
from scvk.simulator.cloud.exits import Backoff
from scvk.simulator.cloud.merging import merge_patch
from scvk.simulator.config import Durations
from scvk.simulator.gpu_catalogue import gpu_classes, machines_online
from scvk.simulator.image_catalogue import Image, ImageCatalogue, UnknownImages, repository
from scvk.simulator.launcher import wire


class TestGpuCatalogue:
    def test_it_is_realistic(self) -> None:
        classes = gpu_classes()
        assert len(classes) >= 25
        assert len({gpu.name for gpu in classes.values()}) == len(classes)
        assert all(str(uuid.UUID(class_id)) == class_id for class_id in classes)
        assert "GTX 1070 (8 GB)" in {gpu.name for gpu in classes.values()}
        assert classes["ed563892-aacd-40f5-80b7-90c9be6c759b"].name == "RTX 4090 (24 GB)"
        assert classes["a5db5c50-cbcb-4596-ae80-6a0c8090d80f"].name == "RTX 3090 (24 GB)"

    def test_a_higher_priority_costs_more(self) -> None:
        for gpu in gpu_classes().values():
            by_priority = {price.priority: float(price.price or 0) for price in gpu.prices or ()}
            prices = [by_priority[priority.value] for priority in Priority]
            assert prices == sorted(prices, reverse=True)
            assert prices[-1] > 0

    def test_it_is_answered_in_the_documents_form(self) -> None:
        assert violations("GpuClassesList", {"items": [body_of(gpu) for gpu in gpu_classes().values()]}) == []

    def test_machines_of_several_classes_add_up_and_unknown_ones_count_nothing(self) -> None:
        first, second = packaged_classes()[:2]
        ids = [each.gpu_class.id for each in (first, second, first)]
        assert machines_online([*ids, str(uuid.uuid4())], {}) == first.machines + second.machines


def found(name: str, unknown: UnknownImages = "idle") -> Image:
    image = ImageCatalogue(unknown).find(name)
    assert image is not None
    return image


class TestImageCatalogue:
    @pytest.mark.parametrize(
        ("reference", "name"),
        [
            ("nginx", "nginx"),
            ("nginx:1.27-alpine", "nginx"),
            ("docker.io/library/nginx@sha256:0123", "nginx"),
            ("library/nginx", "nginx"),
            ("localhost:5000/team/app:v1", "localhost:5000/team/app"),
            ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause"),
        ],
    )
    def test_the_name_in_a_reference(self, reference: str, name: str) -> None:
        assert repository(reference) == name

    def test_a_command_replaces_entrypoint_and_command(self) -> None:
        image = found("nginx")
        assert image.argv(None) == ("nginx", "-g", "daemon off;")
        assert image.argv(["sleep", "5"]) == ("sleep", "5")

    def test_stand_ins_say_what_they_are(self) -> None:
        for name in ("nginx", "httpd", "registry.k8s.io/pause:3.9", "hello-world"):
            assert found(name).description.startswith("a stand-in")

    def test_unknown_names_idle_or_fail(self) -> None:
        idle = found("saladtechnologies/dreamshaper:1")
        assert "stand-in" in idle.argv(None)[2]
        assert idle.argv(["run"]) == ("run",)
        assert "saladtechnologies/x" in (found("saladtechnologies/x", "fail").pull_error or "")


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


class TestRateLimit:
    def test_the_window_slides(self) -> None:
        now = 0.0
        window = SlidingWindow(3, lambda: now)
        assert [window.take() for _ in range(3)] == [None, None, None]
        now = 20.0
        assert window.take() == 40.0
        now = 60.0
        assert [window.take() for _ in range(4)] == [None, None, None, 60.0]

    @given(st.lists(st.floats(0, 30), max_size=200))
    def test_no_minute_has_more_than_the_limit(self, waits: list[float]) -> None:
        now, taken = 0.0, []
        window = SlidingWindow(5, lambda: now)
        for wait in waits:
            now += wait
            if window.take() is None:
                taken.append(now)
        assert all(taken[i + 5] - taken[i] >= 59.999 for i in range(len(taken) - 5))


class TestFaults:
    def test_a_fault_hits_as_often_as_asked_and_only_its_operations(self) -> None:
        faults = Faults(Random(1), [])
        faults.add(Fault(kind=FaultKind.HTML, operations=["get_quotas"], count=2))
        struck = [faults.strike(name) is not None for name in ("list_gpu_classes", *["get_quotas"] * 3)]
        assert struck == [False, True, True, False]
        assert faults.active() == []

    def test_probability(self) -> None:
        faults = Faults(Random(1), [])
        faults.add(Fault(kind=FaultKind.DROP, probability=0.3))
        hits = sum(faults.strike("get_quotas") is not None for _ in range(1000))
        assert 250 < hits < 350

    def test_one_can_be_taken_back(self) -> None:
        faults = Faults(Random(1), [])
        first, second = faults.add(Fault(kind=FaultKind.DROP)), faults.add(Fault(kind=FaultKind.HANG))
        faults.clear(first.id)
        assert faults.active() == [second]
        faults.clear()
        assert faults.active() == []


def test_the_back_off_is_capped_however_long_it_goes_on() -> None:
    backoff = Backoff(Durations(first_backoff_s=1, longest_backoff_s=60))
    delays = [backoff.next_delay_s(ran_for_s=0) for _ in range(200)]
    assert delays[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(delays) == 60


def test_an_agenda_calls_off_what_is_still_to_come() -> None:
    clock = ManualClock()
    agenda, done = Agenda(clock), list[str]()
    agenda.after(1, lambda: done.append("first"))
    agenda.after(3, lambda: done.append("second"))
    clock.advance(2)
    agenda.call_off()
    clock.advance(5)
    assert done == ["first"]


class TestWire:
    MESSAGES: tuple[dict[str, Any], ...] = ({"op": "start", "id": 1, "argv": ["é"]}, {"op": "signal", "id": 2})

    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_messages_survive_any_cut(self, size: int) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for message in self.MESSAGES:
                wire.send(ours, message)
            raw = theirs.recv(65536)
        decoder = wire.Decoder()
        seen = [m for start in range(0, len(raw), size) for m, _ in decoder.feed(raw[start : start + size], [])]
        assert tuple(seen) == self.MESSAGES

    def test_descriptors_belong_to_their_message(self) -> None:
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        decoder = wire.Decoder()
        with ours, theirs:
            wire.send(ours, {"id": 1})
            wire.send(ours, {"id": 2, "pad": "x" * 100_000}, (write_end,))
            wire.send(ours, {"id": 3})
            got: list[tuple[int, int]] = []
            fds: list[int] = []
            while len(got) < 3:
                for message, message_fds in decoder.feed(*wire.receive(theirs)):
                    got.append((message["id"], len(message_fds)))
                    fds += message_fds
        assert got == [(1, 0), (2, 1), (3, 0)]
        os.write(fds[0], b"same pipe")
        assert os.read(read_end, 100) == b"same pipe"
        for fd in (read_end, write_end, *fds):
            os.close(fd)

    def test_a_side_that_was_killed_before_it_had_read_everything_has_ended(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            wire.send(theirs, {"id": 1})
            ours.close()
            assert wire.receive(theirs) == (b"", [])

    def test_a_message_whose_descriptors_there_is_no_room_for_comes_without_and_the_next_has_its_own(self) -> None:
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        decoder = wire.Decoder()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        got: list[tuple[int, list[int]]] = []
        with ours, theirs:
            wire.send(ours, {"id": 1}, (write_end, write_end))
            wire.send(ours, {"id": 2}, (write_end,))
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
            try:
                first = wire.receive(theirs)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for received in (first, wire.receive(theirs)):
                got += [(message["id"], fds) for message, fds in decoder.feed(*received)]
        assert [(number, len(fds)) for number, fds in got] == [(1, 0), (2, 1)]
        for fd in (read_end, write_end, *got[1][1]):
            os.close(fd)
