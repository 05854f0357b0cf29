"""Names and descriptions that break other templates make a project like any other."""

import tomllib
from typing import Any

import pytest
from conftest import Render
from project import Project
from test_3_parity import assert_clean, assert_same, assert_whole

HOSTILE = {
    "double-quotes": 'The "next" pick',
    "single-quotes": "It's the user's 'pick'",
    "triple-quotes": "A \"\"\"doc\"\"\" and '''another'''",
    "backslashes": r"C:\new\table \u0041 \N{BULLET} \x",
    "backslash-at-the-end": "Ends so \\",
    "escaped-quote": r"Says \" and \\",
    "colon": "key: value, and: more",
    "comment": "A # comment #",
    "expression": "{{ cookiecutter.project_slug }}",
    "unknown-name": "{{ nothing }} {{",
    "block": "# {% raw %} {% if %}",
    "jinja-comment": "# {# note #} {# }",
    "percent": "100 % %s %(name)s %%",
    "shell": "$(touch pwned) `touch it` ${HOME} ; & |",
    "emoji": "🚀 Next 👩\u200d💻 Pick",
    "right-to-left": "הבחירה הבאה",
    "east-asian": "次の選択、それから",
    "yaml-words": "- [a], {b}, &c *d !e ~ null",
    "a-word-of-yaml": "true",
    "a-number": "1e3",
    "markup": "<b>&amp;</b> [link](x) `code` | **x**",
    "path": "../../etc/passwd",
    "longest": "x y " * 9 + "x yz",
}
NAMED = {"project_slug": "next-pick", "package_name": "next_pick"}


def metadata(project: Project) -> dict[str, Any]:
    """The project table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(project.folder.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


@pytest.mark.parametrize("hostile", list(HOSTILE.values()), ids=list(HOSTILE))
def test_hostile_text_renders(hostile: str, render: Render) -> None:
    """Every file parses, both tools agree, the text arrives as typed, and Ruff finds nothing to change."""
    answers = NAMED | {"project_name": hostile, "description": hostile, "author_name": hostile}
    one, other = render("cookiecutter", **answers), render("copier", **answers)

    assert_same(one, other)
    assert_whole(one)
    assert hostile == metadata(one)["description"]
    assert hostile == metadata(one)["authors"][0]["name"]
    assert_clean(one)


def test_longest_description_renders(render: Render) -> None:
    """A description of 300 characters is one line of metadata."""
    project = render("copier", description="word " * 59 + "words")

    assert 300 == len(metadata(project)["description"])
    assert_whole(project)
    assert_clean(project)
