"""The reader of pages reads them as CONTRIBUTING.md says."""

from __future__ import annotations

import pytest

from tests.unit.docs.pages import PAGES, Command, Interrupt, anchors, blocks, labelled, prints, steps, table

PAGE = """\
# Title

```sh
echo one
```

```text
one
```

```sh background
sleep 9
```

```sh skip
rm -rf /
```

<!-- probes -->

```yaml
a: 1
```

<!-- interrupt -->

| a | b |
|---|---|
| 1 | `2` |
"""


def test_shell_blocks_are_steps_with_the_text_that_follows_them() -> None:
    assert steps(PAGE) == [
        Command("echo one\n", "one\n", background=False, line=4),
        Command("sleep 9\n", "", background=True, line=12),
        Interrupt(25),
    ]


def test_a_block_has_the_label_of_the_comment_above_it() -> None:
    assert labelled(PAGE, "probes").text == "a: 1\n"
    assert blocks(PAGE)[0].label == ""


def test_tables_are_found_by_their_first_heading() -> None:
    assert table(PAGE, "a") == [("1", "`2`")]


def test_anchors_are_those_of_github() -> None:
    assert anchors("## 2. The parts, by hand\n") == {"2-the-parts-by-hand"}


@pytest.mark.parametrize(
    "markdown",
    [
        pytest.param("```sh\necho\n", id="not closed"),
        pytest.param("```sh later\necho\n```\n", id="unknown mark"),
        pytest.param("```text\nout\n```\n", id="output of nothing"),
        pytest.param("```sh\na\n```\n```yaml\nb: 1\n```\n```text\nout\n```\n", id="output of something else"),
    ],
)
def test_a_page_with_a_wrong_block_is_an_error(markdown: str) -> None:
    with pytest.raises(ValueError, match="line"):
        steps(markdown)


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        pytest.param("NAME  AGE\nweb   …", "NAME   AGE\nweb    12s\n", id="columns of any width"),
        pytest.param("…\nlast", "first\nsecond\nlast\n", id="lines before"),
        pytest.param("first\n…", "first\n", id="no lines after"),
        pytest.param("v…-scvk-…", "v1.37.2-scvk-0.1.0", id="within a word"),
    ],
)
def test_output_is_compared_loosely(expected: str, output: str) -> None:
    assert prints(expected, output)


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        pytest.param("web   …", "api   12s\n", id="another word"),
        pytest.param("one", "one\ntwo\n", id="a line too many"),
        pytest.param("one\ntwo", "two\none\n", id="another order"),
        pytest.param("a.c", "abc", id="no regular expression"),
    ],
)
def test_output_that_differs_is_told(expected: str, output: str) -> None:
    assert not prints(expected, output)


def test_a_background_program_may_say_more() -> None:
    assert prints("ready", "starting\nready\nworking\n", anywhere=True)
    assert not prints("ready", "not ready\n", anywhere=True)


def test_pages_with_commands_are_those_that_end_to_end_tests_type() -> None:
    with_commands = [path.name for path in PAGES if steps(path.read_text(encoding="utf-8"))]
    assert with_commands == ["getting-started.md", "kubelet-api.md", "walkthrough.md"]
