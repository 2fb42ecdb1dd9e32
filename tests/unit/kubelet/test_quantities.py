"""Quantities as Kubernetes reads them. The expected values were checked against k8s.io/apimachinery v0.37.2."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scvk.kubelet.quantities import InvalidQuantityError, QuantityOutOfRangeError, ceil_in, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("000", 0),
        ("1", 1),
        ("+1", 1),
        ("-1", -1),
        ("1.", 1),
        (".5", Fraction(1, 2)),
        ("0.5", Fraction(1, 2)),
        ("1500m", Fraction(3, 2)),
        ("100u", Fraction(1, 10_000)),
        ("1n", Fraction(1, 10**9)),
        ("1k", 1_000),
        ("2M", 2_000_000),
        ("2G", 2_000_000_000),
        ("1T", 10**12),
        ("1P", 10**15),
        ("1E", 10**18),
        ("1Ki", 1024),
        ("2100Mi", 2100 * 2**20),
        ("2Gi", 2**31),
        ("1Ti", 2**40),
        ("1Pi", 2**50),
        ("1Ei", 2**60),
        ("0.5Gi", 2**29),
        ("1e3", 1_000),
        ("1E3", 1_000),
        ("12E6", 12_000_000),
        ("1e+3", 1_000),
        ("1e-3", Fraction(1, 1000)),
        ("0e9999999999", 0),
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        pytest.param("0.1n", Fraction(1, 10**9), id="finer than a billionth is rounded up"),
        pytest.param("-0.1n", Fraction(-1, 10**9), id="a negative one away from zero"),
        pytest.param("1e-9999999999", Fraction(1, 10**9), id="however fine"),
        pytest.param("8Ei", 2**63 - 1, id="binary suffixes are capped"),
        pytest.param("9000Pi", 2**63 - 1, id="capped, also below Ei"),
        pytest.param("10E", 10**19, id="decimal suffixes are not capped"),
    ],
)
def test_a_quantity_has_exactly_this_value(text: str, value: Fraction | int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1.1.M",
        "1+1.0M",
        "0.1mi",
        "0.1am",
        "aoeu",
        ".5i",
        "1i",
        "-3.01i",
        "-3.01e-",
        "e3",
        "+",
        "-",
        ".",
        "Ki",
        "1K",
        "1ki",
        "1mi",
        "1e",
        "1e1.5",
        "1Kii",
        "--1",
        "0x10",
        "1_000",
        "\u0661",
        "inf",
        "nan",
        "1e3Ki",
        "1\n",
    ],
)
def test_what_kubernetes_does_not_read_is_an_error(text: str) -> None:
    with pytest.raises(InvalidQuantityError):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["1e101", "1e2147483647", "1" * 257])
def test_absurd_sizes_are_an_error_of_their_own(text: str) -> None:
    with pytest.raises(QuantityOutOfRangeError):
        parse_quantity(text)


@pytest.mark.parametrize(("number", "value"), [(2, Fraction(2)), (0.5, Fraction(1, 2)), (1e22, Fraction(10**22))])
def test_numbers_are_taken_unquoted(number: float, value: Fraction) -> None:
    assert parse_quantity(number) == value


@pytest.mark.parametrize("number", [float("inf"), float("nan"), True])
def test_numbers_that_are_none_are_errors(number: float) -> None:
    with pytest.raises(InvalidQuantityError):
        parse_quantity(number)


@given(st.text(max_size=300))
def test_any_text_is_a_number_or_the_documented_error(text: str) -> None:
    try:
        value = parse_quantity(text)
    except InvalidQuantityError:
        return
    assert 10**9 % value.denominator == 0


@given(
    st.integers(0, 10**15),
    st.sampled_from(["m", "k", "M", "G", "Ki", "Mi"]),
    st.sampled_from([1, 1000, 2**30]),
)
def test_rounding_up_never_gives_less_than_asked_for(number: int, suffix: str, unit: int) -> None:
    value = parse_quantity(f"{number}{suffix}")
    units = ceil_in(value, unit)
    assert (units - 1) * unit < value <= units * unit
