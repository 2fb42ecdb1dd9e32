"""The GPU classes that an organization can have, looked up as people write them.

SaladCloud takes UUIDs only; people write `RTX 4090 (24 GB)`, `rtx 4090` or `rtx4090`. A name that fits several
classes is not guessed, and one that fits none is answered with the nearest known ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from scvk.saladcloud.models import GpuClass

RESOURCE_PREFIX = "salad.com/"
"""What stands before a GPU class that a container asks for as an extended resource, such as `salad.com/rtx4090`."""

_MAX_SUGGESTIONS = 3
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Found:
    """Exactly one class is meant."""

    gpu_class: GpuClass


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several classes fit; at least two of them, in the catalogue's order."""

    candidates: tuple[GpuClass, ...]


@dataclass(frozen=True, slots=True)
class NotFound:
    """No class fits. `nearest` are known classes that are written alike, best first, at most three."""

    nearest: tuple[GpuClass, ...]


Lookup = Found | Ambiguous | NotFound


@dataclass(frozen=True, slots=True)
class GpuCatalogue:
    """The classes of the last answer of SaladCloud that listed them, in its order.

    An empty catalogue says that the organization has none, so every class is refused: do not translate with one
    before the first answer has come.
    """

    classes: tuple[GpuClass, ...]

    @classmethod
    def of(cls, classes: Iterable[GpuClass]) -> GpuCatalogue:
        """Return the catalogue of these classes."""
        return cls(tuple(classes))

    def lookup(self, written: str, *, gpu_count: int | None = None) -> Lookup:
        """Find the class that `written` means: a UUID, a name, or a name's alias, in any case.

        `gpu_count`, where given, chooses among classes that the text fits equally well (one GPU of a kind and
        eight of it can share a name); it never makes a text fit that does not.
        """
        text = written.strip().casefold()
        for spelled in dict.fromkeys((text, _without_maker(text))):
            fitting = self._fitting(spelled)
            if fitting:
                return _one_of(fitting, gpu_count)
        return NotFound(self._nearest(_without_maker(text)))

    def _fitting(self, text: str) -> tuple[GpuClass, ...]:
        # The best kind of fit alone counts: `RTX 3060 (8 GB)` in full is not also its alias.
        squeezed = _squeezed(text)
        for spelling, wanted in (
            (_identifier, text),
            (_full_name, text),
            (_squeezed_name, squeezed),
            (_alias, squeezed),
        ):
            fitting = tuple(each for each in self.classes if wanted and spelling(each) == wanted)
            if fitting:
                return fitting
        return ()

    def with_gpu_count(self, gpu_count: int) -> tuple[GpuClass, ...]:
        """Return the classes that have exactly so many GPUs."""
        return tuple(each for each in self.classes if gpu_count_of(each) == gpu_count)

    def resources(self) -> dict[str, int]:
        """Return the extended resources that stand for the classes, with the most GPUs that a machine of each has.

        A class is named as short as it is unmistakable: `salad.com/rtx4090`, but `salad.com/rtx3060-12gb` where there
        is another RTX 3060. Classes that differ in the number of GPUs alone share a resource.
        """
        spellings: dict[str, set[str]] = {}
        for each in self.classes:
            spellings.setdefault(_alias(each), set()).add(_squeezed_name(each))
        counts: dict[str, int] = {}
        for each in self.classes:
            alias, full = _alias(each), _squeezed_name(each)
            name = alias
            if len(spellings[alias]) > 1:
                name = f"{alias}-{full.removeprefix(alias)}".strip("-") if full.startswith(alias) else full
            if name:
                key = RESOURCE_PREFIX + name
                counts[key] = max(counts.get(key, 0), gpu_count_of(each))
        return counts

    def _nearest(self, text: str) -> tuple[GpuClass, ...]:
        if _UUID.fullmatch(text):
            spellings = {_identifier(each): each for each in self.classes}
            cutoff = 0.85  # two unrelated UUIDs are alike to about a half
        else:
            spellings = {_squeezed(each.name.casefold()): each for each in self.classes}
            # The alias of one class may be spelled as that of another: the first one of the catalogue stands.
            spellings = {_alias(each): each for each in reversed(self.classes)} | spellings
            text, cutoff = _squeezed(text), 0.6
        matches = difflib.get_close_matches(text, spellings, n=2 * _MAX_SUGGESTIONS, cutoff=cutoff)
        distinct = {spellings[match].id: spellings[match] for match in matches}
        return tuple(distinct.values())[:_MAX_SUGGESTIONS]


def gpu_count_of(gpu_class: GpuClass) -> int:
    """Return how many GPUs a machine of the class has; one where SaladCloud does not say."""
    return gpu_class.gpu_count or 1


def _one_of(fitting: tuple[GpuClass, ...], gpu_count: int | None) -> Found | Ambiguous:
    chosen = tuple(each for each in fitting if gpu_count is not None and gpu_count_of(each) == gpu_count)
    if len(chosen) == 1:
        return Found(chosen[0])
    return Found(fitting[0]) if len(fitting) == 1 else Ambiguous(chosen or fitting)


def _identifier(gpu_class: GpuClass) -> str:
    return gpu_class.id.casefold()


def _full_name(gpu_class: GpuClass) -> str:
    return gpu_class.name.strip().casefold()


def _squeezed_name(gpu_class: GpuClass) -> str:
    return _squeezed(gpu_class.name.casefold())


def _alias(gpu_class: GpuClass) -> str:
    return _short(gpu_class.name)


@lru_cache(maxsize=1024)  # the names of a catalogue are looked through for each pod, and for each look at the node
def _short(name: str) -> str:
    # What stands in parentheses, the memory, is left out: `RTX 4090 (24 GB)` is also `rtx4090`.
    return _squeezed(re.sub(r"\([^)]*\)", "", name.casefold()))


def _without_maker(text: str) -> str:
    # As `nvidia-smi` and the sellers write it: `NVIDIA GeForce RTX 4090`.
    return re.sub(r"^((nvidia|geforce)[\s_-]+)+(?=\S)", "", text)


@lru_cache(maxsize=1024)
def _squeezed(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text)
