"""Both tools ask the same questions in the same words, and refuse the same answers."""

import importlib.metadata
import keyword
import math
import re
import sys
import tomllib
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from commands import attempt, succeed
from conftest import ROOT, Render
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from jinja2.sandbox import SandboxedEnvironment
from packaging.requirements import Requirement
from readme import commands
from variants import CONTEXT, QUESTIONS, SUPPORTED, Answers, each_answer, each_pair, every_variant, full_product, name_of

COPIER = yaml.safe_load(ROOT.joinpath("copier.yml").read_text(encoding="utf-8"))
ASKED = {name: question for name, question in COPIER.items() if not name.startswith("_") and question.get("when", True)}
RESERVED = {name for lines in CONTEXT["_reserved_names"].values() for line in lines for name in line.split()}
PACKAGE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

REFUSED = [
    ("project_name", "", "project_name is ''"),
    ("project_name", "two\nlines", r"'two\nlines'"),
    ("project_name", "trailing newline\n", r"newline\n'"),
    ("project_name", "x" * 41, "(41 characters)"),
    ("project_name", "\u202eright to left", r"\u202e"),
    ("project_name", "次の選択", "project_slug is '-'"),
    ("project_name", "3 Cats", "project_slug is '3-cats'"),
    ("description", "", "description is ''"),
    ("description", " blank at the start", "' blank"),
    ("description", "tab\there", r"tab\there"),
    ("description", "a line\u2028and another", r"line\u2028and"),
    ("description", "bell\a", r"bell\x07"),
    ("description", "x" * 301, "(301 characters)"),
    ("author_name", "\x7f", r"\x7f"),
    ("author_name", "Ada\n", r"Ada\n"),
    ("author_email", "ada", "'ada'"),
    ("author_email", "ada@example", "'ada@example'"),
    ("author_email", 'a"da@example.com', "da@example.com'"),
    ("author_email", f"{'x' * 89}@example.com", "of at most 100"),
    ("author_email", "ada@example.com\n", r"example.com\n"),
    ("author_email", "ada..l@example.com", "'ada..l@example.com'"),
    ("project_slug", "Next-Pick", "'Next-Pick'"),
    ("project_slug", "next--pick", "'next--pick'"),
    ("project_slug", "-next", "'-next'"),
    ("project_slug", "3-cats", "'3-cats'"),
    ("project_slug", "../up", "'../up'"),
    ("project_slug", "$(touch pwned)", "'$(touch pwned)'"),
    ("project_slug", "x" * 41, "at most 40"),
    ("project_slug", "scikit-learn", "my-scikit-learn"),
    ("project_slug", "nul", "my-nul"),
    ("package_name", "next-pick", "'next-pick'"),
    ("package_name", "Next", "'Next'"),
    ("package_name", "1st", "'1st'"),
    ("package_name", "pick\n", r"pick\n"),
    ("package_name", "class", "my_class"),
    ("package_name", "json", "my_json"),
    ("package_name", "sklearn", "my_sklearn"),
    ("package_name", "duckdb", "my_duckdb"),
    ("package_name", "tests", "my_tests"),
    ("package_name", "con", "my_con"),
]


def refusal(tool: str, render: Render, answers: Answers, capfd: pytest.CaptureFixture[str]) -> str:
    """The sentence with which a tool refuses answers."""
    with pytest.raises((ValueError, FailedHookException)) as refused:
        render(tool, **answers)
    said = capfd.readouterr().err.strip() if tool == "cookiecutter" else str(refused.value)
    return re.sub(r"^Validation error for question '\w+': ", "", said)


def test_questions_are_the_same() -> None:
    """Copier asks what cookiecutter asks, in the same order."""
    assert list(QUESTIONS) == list(ASKED)


@pytest.mark.parametrize("question", QUESTIONS)
def test_words_are_the_same(question: str) -> None:
    """A question and its choices are put in the same words by both tools."""
    prompt = CONTEXT["__prompts__"][question]
    words = dict(prompt) if isinstance(prompt, dict) else {"__prompt__": prompt}
    asked = ASKED[question]

    assert words.pop("__prompt__") == asked["help"]
    assert {label: answer for answer, label in words.items()} == asked.get("choices", {})


@pytest.mark.parametrize("question", QUESTIONS)
def test_defaults_and_choices_are_the_same(question: str) -> None:
    """A question offers the same choices in the same order and has the same default in both tools."""
    offered = SUPPORTED.get(question, ())
    default = offered[0] if offered else CONTEXT[question].replace("cookiecutter.", "")

    assert list(offered) == list(ASKED[question].get("choices", {}).values())
    assert default == ASKED[question]["default"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Next Pick", "next-pick"),
        ("Über Klick!", "uber-klick"),
        ("  Ada's / own_v2.0 — test ", "adas-own-v2-0-test"),
        ("{{ x }} 🚀 Rocket", "x-rocket"),
    ],
)
def test_slug_derives_from_the_name(name: str, slug: str) -> None:
    """The expression that makes a slug of a name needs no extension of either tool, and gives the same in both."""
    plain = Environment(autoescape=False).from_string(CONTEXT["project_slug"])  # noqa: S701 - it makes a name, not HTML
    sandboxed = SandboxedEnvironment().from_string(ASKED["project_slug"]["default"])

    assert slug == plain.render(cookiecutter={"project_name": name})
    assert slug == sandboxed.render(project_name=name)


def test_copier_needs_no_trust() -> None:
    """Copier is asked for nothing that it does only for a trusted template."""
    assert not {"_jinja_extensions", "_tasks", "_migrations"} & COPIER.keys()


def test_reserved_names_are_the_same() -> None:
    """Both tools hold the same names back."""
    groups = {group: " ".join(lines).split() for group, lines in CONTEXT["_reserved_names"].items()}

    assert groups == {group: names.split() for group, names in COPIER["reserved_names"]["default"].items()}


def test_reserved_names_hold_the_language() -> None:
    """No package can hide a keyword or a module of the standard library."""
    language = {*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist}

    assert set() == {name for name in language if PACKAGE_NAME.fullmatch(name)} - RESERVED


def test_reserved_names_hold_the_dependencies(render: Render) -> None:
    """No package and no distribution can hide what the project depends on, by the name it's installed or imported by."""
    pyproject = tomllib.loads(render("copier").folder.joinpath("pyproject.toml").read_text())
    groups = [pyproject["project"]["dependencies"], *pyproject["dependency-groups"].values()]
    lines = [line for group in groups for line in group if isinstance(line, str)]  # else the name of another group
    depends_on = {Requirement(line).name.replace("-", "_").lower() for line in lines}
    imported = {
        module.lower()
        for module, distributions in importlib.metadata.packages_distributions().items()
        if depends_on & {name.replace("-", "_").lower() for name in distributions}
    }

    assert set() == {name for name in depends_on | imported if PACKAGE_NAME.fullmatch(name)} - RESERVED


@pytest.mark.parametrize(("question", "answer", "found"), REFUSED, ids=[f"{q}-{a[:12]!a}" for q, a, _ in REFUSED])
def test_bad_answer_is_refused(
    question: str, answer: str, found: str, render: Render, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A bad answer is refused by both tools in the same single sentence, and leaves nothing behind."""
    answers = {"package_name": "next_pick", question: answer}
    sentence = refusal("cookiecutter", render, answers, capfd)

    assert found in sentence
    assert re.fullmatch(r"\w+ is [^\n]+\.", sentence)
    assert sentence == refusal("copier", render, answers, capfd)
    assert {"cookiecutter.yml", "replay"} == {path.name for folder in tmp_path.iterdir() for path in folder.iterdir()}


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_unknown_choice_is_refused(tool: str, render: Render) -> None:
    """An answer that isn't on offer is refused with those that are."""
    with pytest.raises(ValueError, match=r"forest.*cascade"):
        render(tool, model="forest")


def test_misspelt_question_is_an_error(render: Render) -> None:
    """The harness refuses an answer to no question, which both tools would ignore."""
    with pytest.raises(KeyError, match="modalites"):
        render("copier", modalites="tabular")


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_command_line_refuses(tool: str, template: Path, tmp_path: Path) -> None:
    """The tools' own commands end with the sentence and a status that isn't 0."""
    command = {
        "cookiecutter": ["cookiecutter", "--no-input", str(template), "package_name=sklearn"],
        "copier": ["copier", "copy", "--defaults", "--data", "package_name=sklearn", str(template), "project"],
    }[tool]
    ran = attempt(command, tmp_path)

    assert 0 != ran.returncode
    assert "choose another such as my_sklearn." in ran.stderr
    assert [] == list(tmp_path.iterdir())


def test_braces_stay_as_typed(template: Path, tmp_path: Path) -> None:
    """What is typed at cookiecutter's prompt is taken as it stands, braces and all."""
    typed = "Says {{ 7 * 7 }} # {% raw %}"
    answers = ["", "", "", typed, *[""] * (len(QUESTIONS) - 4)]
    succeed(["cookiecutter", str(template)], tmp_path, typed="\n".join([*answers, ""]))

    assert typed == tomllib.loads((tmp_path / "next-pick" / "pyproject.toml").read_text())["project"]["description"]


def test_braces_on_the_command_line_never_break_a_file(template: Path, tmp_path: Path) -> None:
    """With --no-input cookiecutter renders what it's given: an unknown name there is its error, and nothing is written."""
    ran = attempt(["cookiecutter", "--no-input", str(template), "description={{ nothing }}"], tmp_path)

    assert 0 != ran.returncode
    assert "'nothing' is undefined" in ran.stdout + ran.stderr
    assert [] == list(tmp_path.iterdir())


def test_variants_cover_what_is_offered() -> None:
    """Each answer occurs in the small set of variants, each pair in the others, all combinations but of licences in one."""
    offered = [(question, answer) for question, answers in SUPPORTED.items() for answer in answers]
    pairs = {(one, other) for one, other in combinations(offered, 2) if one[0] != other[0]}

    assert set(offered) == {item for variant in each_answer() for item in variant.items()}
    for variants in (each_pair(), every_variant()):
        assert pairs == {pair for variant in variants for pair in combinations(variant.items(), 2)}
        assert len(variants) == len({name_of(variant) for variant in variants})
    assert math.prod(len(answers) for question, answers in SUPPORTED.items() if question != "license") == len(full_product())
    assert {name_of(variant) for variant in full_product()} <= {name_of(variant) for variant in every_variant()}


def test_both_tools_say_what_is_typed_next() -> None:
    """After a project is made they print the same commands, and the README of the template lists them one after the other."""
    said = COPIER["_message_after_copy"].removeprefix("Next: cd {{ _copier_conf.dst_path }} && ")
    listed = commands(ROOT.joinpath("README.md").read_text(encoding="utf-8"))
    *typed, _ = re.split(r"; then |, | \(", said)

    assert f"NEXT = {said!r}\n" in ROOT.joinpath("hooks", "post_gen_project.py").read_text(encoding="utf-8")
    assert len(typed) == 3
    assert "\n".join(typed) in "\n".join(listed)
