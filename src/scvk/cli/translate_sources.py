"""The texts that `scvk translate` reads: files, folders, standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from scvk.provider.manifests import Complaint, ManifestError, Source

STANDARD_INPUT = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


def read_sources(names: Sequence[str]) -> list[Source]:
    """Return the texts of files, of the manifests right in folders, and of standard input for `-`.

    Raises ManifestError with everything that cannot be read.
    """
    sources: list[Source] = []
    complaints: list[Complaint] = []
    for name in names:
        try:
            sources += _sources(name)
        except UnicodeDecodeError:
            complaints.append(Complaint(name, None, "it is no text in UTF-8"))
        except OSError as error:
            complaints.append(Complaint(name, None, error.strerror or "it cannot be read"))
    if complaints:
        raise ManifestError(complaints)
    return sources


def _sources(name: str) -> list[Source]:
    if name == STANDARD_INPUT:
        return [Source(name, sys.stdin.buffer.read().decode("utf-8"))]
    path = Path(name)
    if not path.is_dir():
        return [Source(name, path.read_text(encoding="utf-8"))]
    inside = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES and each.is_file())
    if not inside:
        raise OSError(0, "the folder has no manifest (.yaml, .yml or .json)")
    return [Source(str(each), each.read_text(encoding="utf-8")) for each in inside]
