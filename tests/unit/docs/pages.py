"""The hand-written pages as tests see them: fenced blocks, links, tables, and what a terminal would print.

CONTRIBUTING.md ("Documentation") tells writers what the marks of blocks mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGES = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]))
"""Every page of the repository."""

_FENCE = re.compile(r"^```(.*)$")
_COMMENT = re.compile(r"^<!-- (.+) -->$")
_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: `label` is the text of an HTML comment right above it; `line` is its first line, from 1."""

    language: str
    mark: str
    text: str
    line: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A shell block to run, and what it is to print; empty where the page does not say."""

    script: str
    expected: str
    background: bool
    line: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Ctrl-C for everything in the background."""

    line: int


Step = Command | Interrupt


def page(name: str) -> str:
    """Return a page by its path below the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(markdown: str) -> list[Block]:
    """Return all fenced blocks in order. Raises ValueError for one that is not closed."""
    return [part for part in _parts(markdown) if isinstance(part, Block)]


def labelled(markdown: str, label: str) -> Block:
    """Return the one block under the comment `<!-- label -->`."""
    (found,) = [block for block in blocks(markdown) if block.label == label]
    return found


def steps(markdown: str) -> list[Step]:
    """Return what a reader does on the page, in order.

    Raises ValueError for a mark that is not known, and for a `text` block that no shell block stands before.
    """
    found: list[Step] = []
    last: Block | None = None
    for part in _parts(markdown):
        match part:
            case Interrupt():
                found.append(part)
            case Block(language="sh", mark=mark):
                if mark not in ("", "background", "skip"):
                    raise ValueError(f"line {part.line}: {mark!r} is no mark of a shell block")
                if mark != "skip":
                    found.append(Command(part.text, "", mark == "background", part.line))
            case Block(language="text"):
                command = found[-1] if found else None
                if last is None or last.language != "sh" or not isinstance(command, Command):
                    raise ValueError(f"line {part.line}: nothing before this block prints it")
                if last.mark != "skip":
                    found[-1] = Command(command.script, part.text, command.background, command.line)
            case Block():
                pass
        last = part if isinstance(part, Block) else None
    return found


def prints(expected: str, output: str, *, anywhere: bool = False) -> bool:
    """Say whether `output` is what a `text` block promises; with `anywhere`, whether it has those lines in it."""
    pattern = "".join(_line_pattern(line) for line in expected.splitlines() if line.strip())
    text = "".join(f"{_squeezed(line)}\n" for line in output.splitlines() if line.strip())
    if anywhere:
        return re.search(f"^{pattern}", text, re.MULTILINE) is not None
    return re.fullmatch(pattern, text) is not None


def links(markdown: str) -> Iterator[str]:
    """Yield the target of every link outside of fenced blocks."""
    yield from _LINK.findall(_prose(markdown))


def anchors(markdown: str) -> set[str]:
    """Return the anchors of the page's headings, by GitHub's rules."""
    headings = re.findall(r"^#+ (.+)$", _prose(markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def code_words(markdown: str) -> set[str]:
    """Return everything between single backticks outside of fenced blocks."""
    return set(re.findall(r"`([^`\n]+)`", _prose(markdown)))


def table(markdown: str, heading: str) -> list[tuple[str, ...]]:
    """Return the cells of the rows of the one table whose first heading is `heading`, or that stands under the comment
    `<!-- heading -->`.
    """
    lines = markdown.splitlines()
    starts = [
        at
        for at, line in enumerate(lines)
        if line.startswith(f"| {heading} |")
        or (line.startswith("|") and at > 1 and lines[at - 2] == f"<!-- {heading} -->")
    ]
    (start,) = starts
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip().strip("|").split("|")))
    return rows


def _parts(markdown: str) -> Iterator[Block | Interrupt]:
    lines = markdown.splitlines(keepends=True)
    at, label = 0, ""
    while at < len(lines):
        line = lines[at].rstrip("\n")
        at += 1
        fence, comment = _FENCE.match(line), _COMMENT.match(line)
        if fence:
            start = at + 1
            body = []
            while at < len(lines) and lines[at].rstrip("\n") != "```":
                body.append(lines[at])
                at += 1
            if at == len(lines):
                raise ValueError(f"line {start - 1}: this block is not closed")
            at += 1
            language, _, mark = fence.group(1).strip().partition(" ")
            yield Block(language, mark, "".join(body), start, label)
        elif comment and comment.group(1) == "interrupt":
            yield Interrupt(at)
        label = comment.group(1) if comment else label if not line.strip() else ""


def _prose(markdown: str) -> str:
    return re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)


def _line_pattern(line: str) -> str:
    words = _squeezed(line)
    if words == _ANYTHING:
        return r"(?:.*\n)*?"
    return ".*?".join(re.escape(part) for part in words.split(_ANYTHING)) + r"\n"


def _squeezed(line: str) -> str:
    return " ".join(line.split())
