"""Samples made of looks at an instance: table by table, and the rate that a reader takes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.provider.usage.life import BYTES_A_MB, LEAST_CPU_S, Life, Sample, heard
from scvk.saladcloud.models import ContainerGroupInstance


def instance(
    cpu: float | None,
    memory: float | None = 100.0,
    *,
    percent: float | None = 50.0,
    one: str = "i-1",
    state: str = "",
    since: datetime | None = None,
) -> ContainerGroupInstance:
    return ContainerGroupInstance(
        id=one,
        state=state or "running",
        cpu_usage=cpu,
        cpu_usage_total=cpu,
        cpu_percent=percent,
        memory_usage_mb=memory,
        update_time=since,
    )


def lived(*looks: tuple[float, ContainerGroupInstance]) -> Life:
    life: Life | None = None
    for at, shown in looks:
        life = heard(life, shown, at)
    assert life is not None
    return life


def sample(at: float, cpu: float, memory: float = 100.0) -> Sample:
    return Sample(at, cpu, int(memory * BYTES_A_MB))


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(instance(None), id="no count"),
        pytest.param(instance(5, None), id="no memory"),
        pytest.param(instance(5, 0.0), id="memory of a program that is not there"),
        pytest.param(instance(-1), id="a count that cannot be"),
        pytest.param(instance(5, state="creating"), id="not running yet"),
        pytest.param(instance(5, state="stopping"), id="not running any more"),
    ],
)
def test_an_instance_without_figures_begins_no_life(shown: ContainerGroupInstance) -> None:
    assert heard(None, shown, 100.0) is None


@pytest.mark.parametrize(
    ("looks", "samples"),
    [
        pytest.param([(100, instance(60))], [sample(100, 60)], id="first look"),
        pytest.param(
            [(100, instance(60)), (160, instance(90))],
            [sample(100, 60), sample(160, 90)],
            id="changed: as of the look",
        ),
        pytest.param([(100, instance(60)), (130, instance(60))], [sample(100, 60)], id="unchanged keeps its time"),
        pytest.param(
            [(100, instance(60)), (500, instance(60))],
            [sample(100, 60)],
            id="a program that works, and figures that stand still: no longer refreshed",
        ),
        pytest.param(
            [(100, instance(60, percent=None)), (500, instance(60, percent=None))],
            [sample(100, 60)],
            id="figures that stand still, and no word of what the program does",
        ),
        pytest.param(
            [(100, instance(60)), (160, instance(60, 101.0))],
            [sample(100, 60), sample(160, 60, 101.0)],
            id="memory alone changed",
        ),
        pytest.param(
            [(100, instance(60)), (160, instance(60, percent=51.0))],
            [sample(100, 60), sample(160, 60)],
            id="any changed figure is fresh",
        ),
        pytest.param(
            [(100, instance(60)), (130, instance(60)), (190, instance(120))],
            [sample(100, 60), sample(160.5, 120)],
            id="a look between tells when the refresh was",
        ),
        pytest.param(
            [(100, instance(60, percent=0.1)), (300, instance(60, percent=0.1))],
            [sample(100, 60), sample(240, 60)],
            id="an idle program is known as of a minute ago",
        ),
        pytest.param(
            [(100, instance(60, percent=0)), (300, instance(60, percent=0)), (400, instance(60, percent=0))],
            [sample(100, 60), sample(340, 60)],
            id="an idle program has one newest sample",
        ),
        pytest.param([(100, instance(0))], [sample(100, LEAST_CPU_S)], id="less than a second is more than nothing"),
        pytest.param(
            [(100, instance(60)), (160, instance(None))],
            [sample(100, 60)],
            id="an answer without figures tells nothing",
        ),
        pytest.param(
            [(100, instance(60)), (160, instance(90)), (150, instance(60))],
            [sample(100, 60), sample(160, 90)],
            id="an older answer that comes late",
        ),
    ],
)
def test_samples(looks: list[tuple[float, ContainerGroupInstance]], samples: list[Sample]) -> None:
    assert lived(*looks).samples == tuple(samples)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(instance(70, one="i-2"), id="another instance"),
        pytest.param(instance(3), id="the count fell: started again in place"),
    ],
)
def test_another_life_began_after_the_last_look_at_the_one_before(after: ContainerGroupInstance) -> None:
    life = lived((100, instance(60)), (130, instance(60)), (160, after))
    assert life.after == 130
    assert len(life.samples) == 1
    assert life.cores is None


def test_an_answer_out_of_the_platforms_memory_begins_no_life() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    looks = [(100.0, instance(30, since=early)), (160.0, instance(60, since=early))]
    assert lived(*looks, (175.0, instance(30, since=early))) == lived(*looks)
    assert lived(*looks, (175.0, instance(30, since=late))).after == 160
    assert lived(*looks, (175.0, instance(29, since=early))).after == 160


def test_samples_older_than_anybody_asks_for_are_dropped_but_for_the_newest_of_them() -> None:
    life = lived(*[(100.0 + 60 * n, instance(60.0 * n + 1)) for n in range(60)])
    assert len(life.samples) == 11
    assert life.newest.at - life.samples[0].at == 600


def test_processors_in_use_are_those_between_the_last_two_samples() -> None:
    assert lived((100, instance(60)), (160, instance(90))).cores == 0.5


@given(
    phase=st.floats(0, 60, exclude_max=True),
    cores=st.sampled_from([0.5, 1.0, 4.0]),
    jitter=st.lists(st.floats(-2, 2), min_size=30, max_size=30),
    every=st.sampled_from([15.0, 20.0]),
)
def test_a_steady_program_is_never_shown_at_twice_its_use_or_half_of_it(
    phase: float, cores: float, jitter: list[float], every: float
) -> None:
    def at(moment: float) -> float:
        return (moment - phase) // 60 * 60 + phase

    looks = [1000 + every * n + late for n, late in enumerate(jitter)]
    life = lived(*[(look, instance(float(int(at(look) * cores)), percent=100.0 * cores)) for look in looks])
    settled = life.samples[1:]
    assert len(settled) >= 3
    for before, after in pairwise(settled):
        assert (after.cpu_s - before.cpu_s) / (after.at - before.at) == pytest.approx(cores, rel=0.6)
    first, last = settled[0], settled[-1]
    assert (last.cpu_s - first.cpu_s) / (last.at - first.at) == pytest.approx(cores, rel=0.2)
