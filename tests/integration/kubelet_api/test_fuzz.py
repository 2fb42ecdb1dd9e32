"""The search of `make campaign`, for a moment, from cases that are always the same."""

import pytest

from tests.integration.kubelet_api.fuzz import play


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_random_bytes_are_survived_and_any_split_is_as_good(first: int) -> None:
    for number in range(first, first + 100):
        play(number)
