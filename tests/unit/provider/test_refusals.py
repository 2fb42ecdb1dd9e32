"""What SaladCloud refused is sent again at a constant price, whatever the number of pods that wait."""

from __future__ import annotations

from dataclasses import dataclass, field

from scvk.kubelet.provider import PodKey
from scvk.provider.refusals import MORE_AFTER_SUCCESS, PROBE_EVERY_S, Refusals
from scvk.saladcloud.models import ContainerGroupPrototype, CreateContainer, CreateContainerResources, RestartPolicy

PAUSE_S = 10.0


def request(image: str = "nginx") -> ContainerGroupPrototype:
    return ContainerGroupPrototype(
        name="web",
        container=CreateContainer(image=image, resources=CreateContainerResources(cpu=1, memory=1024)),
        autostart_policy=True,
        replicas=1,
        restart_policy=RestartPolicy.ALWAYS,
    )


def key(number: int) -> PodKey:
    return PodKey("shop", f"web-{number}")


@dataclass
class Waiting:
    """Some pods that want the one request, a platform with `free` places, and the clock."""

    pods: int
    free: int = 0
    time: float = 0.0
    invited: list[PodKey] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    made: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.invited.append, monotonic=lambda: self.time)

    def sync(self, number: int) -> None:
        uid = str(number)
        if number in self.made or self.refusals.standing(uid, request()) is not None:
            return
        self.sent.append(number)
        if len(self.made) < self.free:
            self.made.add(number)
            self.refusals.note_created(uid)
        else:
            self.refusals.note_passing(key(number), uid, request(), "Quota", "full", pause_s=PAUSE_S)

    def sync_all(self) -> None:
        for number in range(self.pods):
            self.sync(number)

    def live(self, seconds: float) -> None:
        """Let time pass; who is called comes."""
        for _ in range(int(seconds / PROBE_EVERY_S)):
            self.time += PROBE_EVERY_S
            self.refusals.call_next()
            while self.invited:
                self.sync(int(self.invited.pop(0).name.removeprefix("web-")))


def test_each_pod_gets_an_answer_of_its_own_once() -> None:
    waiting = Waiting(200)
    waiting.sync_all()
    waiting.sync_all()
    assert len(waiting.sent) == 200


def test_a_full_quota_costs_six_requests_a_minute_whatever_the_number_of_pods() -> None:
    for pods in (1, 10, 1000):
        waiting = Waiting(pods)
        waiting.sync_all()
        waiting.live(600)
        assert len(waiting.sent) - pods <= 60


def test_all_that_wait_have_their_turn() -> None:
    waiting = Waiting(5)
    waiting.sync_all()
    waiting.live(50)
    assert sorted(waiting.sent[5:]) == [0, 1, 2, 3, 4]


def test_a_quota_that_is_raised_is_filled_at_once() -> None:
    waiting = Waiting(1000)
    waiting.sync_all()
    waiting.free = 600
    waiting.live(PROBE_EVERY_S)
    assert len(waiting.made) == 600
    assert len(waiting.sent) <= 1000 + 600 + (MORE_AFTER_SUCCESS - 1) * 600 + 1


def test_one_free_place_is_not_asked_for_by_all() -> None:
    waiting = Waiting(1000)
    waiting.sync_all()
    waiting.free = 1
    waiting.live(PROBE_EVERY_S)
    assert (len(waiting.made), len(waiting.sent)) == (1, 1000 + 1 + MORE_AFTER_SUCCESS)


def test_a_pod_that_never_comes_keeps_no_other_waiting() -> None:
    waiting = Waiting(2, free=0)
    waiting.sync_all()
    waiting.free = 2
    waiting.time += PAUSE_S
    waiting.refusals.call_next()
    assert waiting.invited.pop() == key(0)
    waiting.live(PROBE_EVERY_S)
    assert 1 in waiting.made


def test_a_wrong_request_is_sent_again_only_when_it_is_another_one() -> None:
    refusals = Refusals(lambda _: None, monotonic=lambda: 0.0)
    refusals.note_final("u", request(), "Wrong", "no such class")
    standing = refusals.standing("u", request())
    assert standing is not None
    assert (standing.reason, standing.message) == ("Wrong", "no such class")
    assert refusals.standing("u", request("nginx:2")) is None
    assert refusals.standing("other", request()) is None


def test_nothing_is_remembered_of_a_pod_that_is_gone() -> None:
    refusals = Refusals(lambda _: None, monotonic=lambda: 0.0)
    refusals.note_final("u", request(), "Wrong", "")
    refusals.note_passing(key(1), "v", request(), "Quota", "", pause_s=1)
    assert len(refusals) == 2
    refusals.forget("u")
    refusals.forget("v")
    assert len(refusals) == 0
