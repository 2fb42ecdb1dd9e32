"""The text format of Prometheus, byte for byte."""

from __future__ import annotations

import pytest

from scvk.kubelet.exposition import Family, Series, exposition


def one(series: Series) -> str:
    return exposition([Family("x_total", "counter", "What x is", (series,))]).splitlines()[-1]


@pytest.mark.parametrize(
    ("series", "line"),
    [
        pytest.param(Series(3), "x_total 3", id="a whole number"),
        pytest.param(Series(3.0), "x_total 3", id="a whole number as a float"),
        pytest.param(Series(0.001), "x_total 0.001", id="a fraction"),
        pytest.param(Series(3, (("b", "1"), ("a", "2"))), 'x_total{b="1",a="2"} 3', id="labels in the order given"),
        pytest.param(Series(3, (("a", 'C:\\ "x"\n'),)), 'x_total{a="C:\\\\ \\"x\\"\\n"} 3', id="labels are escaped"),
        pytest.param(Series(3, at=1700000000.1239), "x_total 3 1700000000123", id="a time in whole milliseconds"),
        pytest.param(Series(8 * 1024**4), "x_total 8796093022208", id="large numbers in full"),
    ],
)
def test_a_series_is_a_line(series: Series, line: str) -> None:
    assert one(series) == line


def test_families_come_in_the_order_of_their_names_and_without_those_that_have_no_series() -> None:
    text = exposition(
        [
            Family("b", "gauge", "B", (Series(1),)),
            Family("c", "gauge", "C", ()),
            Family("a", "gauge", "A\nand more", (Series(2),)),
        ]
    )
    assert text == "# HELP a A\\nand more\n# TYPE a gauge\na 2\n# HELP b B\n# TYPE b gauge\nb 1\n"


def test_without_metrics_the_text_is_empty() -> None:
    assert exposition([]) == ""
