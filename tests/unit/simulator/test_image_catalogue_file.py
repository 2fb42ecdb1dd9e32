"""A user's image catalogue: what may stand in it, and one clear line for what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scvk.simulator.image_catalogue import ImageCatalogue
from scvk.simulator.images.catalogue_file import CatalogueUnreadable, builtin_entries, entries_of_file
from tests.unit.docs.pages import labelled, page


def catalogue(tmp_path: Path, text: str) -> ImageCatalogue:
    file = tmp_path / "images.yaml"
    file.write_text(text)
    return ImageCatalogue(entries=entries_of_file(file))


def test_an_entry_has_all_that_an_image_has(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "serve.sh").write_text("#!/bin/sh\n")
    image = catalogue(
        tmp_path,
        """
        images:
          - match: ["team/*"]
            root: rootfs
            entrypoint: [/serve]
            command: [--port, 80]
            env: {MODE: test, LEVEL: 3}
            working_dir: /app
            user: 1000
            files: {/serve: {file: serve.sh}, /etc/motd: {text: hi}}
            description: ours
        """,
    ).find("docker.io/team/app:v1")
    assert image is not None
    assert image.argv(None) == ("/serve", "--port", "80")
    assert image.env == {"MODE": "test", "LEVEL": "3"}
    assert (image.working_dir, image.user, image.description) == ("/app", "1000", "ours")
    assert image.files == {"/serve": "#!/bin/sh\n", "/etc/motd": "hi"}
    assert image.needs_root


def test_a_users_entries_come_before_the_built_in_ones(tmp_path: Path) -> None:
    text = 'images: [{match: [nginx], pull_error: "Failed to pull image: mine"}, {match: [httpd], pull: true}]'
    images = catalogue(tmp_path, text)
    nginx = images.find("nginx:1.27")
    assert nginx is not None
    assert nginx.pull_error == "Failed to pull image: mine"
    assert images.find("httpd") is None, "it is pulled"
    assert images.find("python") is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no list `images`"),
        ("images: {}", "no list `images`"),
        ("[1", "is no YAML"),
        ("images: [5]", "entry 1: it is no mapping"),
        ("images: [{match: [a]}, {match: []}]", "entry 2: match has no pattern"),
        ("images: [{match: a}]", "match must be a list"),
        ("images: [{match: [a], entrypont: [x]}]", "entrypont is no member; there are command, description,"),
        ("images: [{match: [a], root: nowhere}]", "root: there is no"),
        ("images: [{match: [a], working_dir: app}]", "working_dir must be an absolute path"),
        ("images: [{match: [a], env: {A: [1]}}]", "env.A must be a text"),
        ("images: [{match: [a], env: {A: true}}]", "env.A must be a text"),
        ("images: [{match: [a], command: [{}]}]", "command[0] must be a text"),
        ("images: [{match: [a], pull: maybe}]", "pull must be true or false"),
        ("images: [{match: [a], files: {etc: {text: x}}}]", "'etc' is no absolute path"),
        ("images: [{match: [a], files: {/../etc: {text: x}}}]", "'/../etc' is no absolute path"),
        ("images: [{match: [a], files: {/a: x}}]", "/a must be one of text, file and program"),
        ("images: [{match: [a], files: {/a: {file: nowhere}}}]", "cannot be read: No such file"),
        ("images: [{match: [a], files: {/a: {program: ../x}}}]", "there is no program ../x"),
        ("images: [{match: [a], root: busybox, files: {/a: {program: python}}}]", "needs the host's root"),
    ],
)
def test_what_may_not_stand_in_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CatalogueUnreadable) as caught:
        catalogue(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path / "images.yaml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_documentations_example_is_one(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "serve.sh").write_text("#!/bin/sh\n")
    images = catalogue(tmp_path, labelled(page("docs/simulator.md"), "image catalogue").text)
    image = images.find("registry.example.com/team/app:v1")
    assert image is not None
    assert (image.user, image.description) == ("1000:1000", "our server")
    assert images.find("localhost:5000/anything") is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnreadable, match="cannot be read: No such file"):
        entries_of_file(tmp_path / "nowhere.yaml")


def test_the_built_in_entries_have_what_people_try_first() -> None:
    names = {pattern for entry in builtin_entries() for pattern in entry.patterns}
    assert {"busybox", "alpine", "debian", "ubuntu", "python", "nginx", "httpd", "pause", "hello-world"} <= names
