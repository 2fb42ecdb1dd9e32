"""Answers that hold for a short time: bounded in number, the oldest go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST_ANSWERS = 4096

KeyT = TypeVar("KeyT", bound=Hashable)
AnswerT = TypeVar("AnswerT")


class ExpiringAnswers(Generic[KeyT, AnswerT]):
    """Remembers answers by question."""

    def __init__(self, monotonic: Callable[[], float], *, most: int = MOST_ANSWERS) -> None:
        self._monotonic = monotonic
        self._most = most
        self._answers: OrderedDict[KeyT, tuple[float, AnswerT]] = OrderedDict()

    def get(self, question: KeyT) -> AnswerT | None:
        """Return the answer, if one holds."""
        found = self._answers.get(question)
        return found[1] if found is not None and found[0] > self._monotonic() else None

    def put(self, question: KeyT, answer: AnswerT, *, holds_s: float) -> None:
        """Remember an answer for a time."""
        self._answers.pop(question, None)
        self._answers[question] = (self._monotonic() + holds_s, answer)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
