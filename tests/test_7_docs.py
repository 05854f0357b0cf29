"""A project's documentation is true: its pages are carried out, its blocks parse, its links lead somewhere, its site builds."""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from commands import at_a_terminal, commit, git
from conftest import Caches, Render
from mutants import mutants
from pages import Block, blocks, carried_out
from playwright.sync_api import sync_playwright
from project import CommandFailed, Project, write_script
from variants import Answers, each_answer, name_of

CHROMIUM = Path("/usr/bin/chromium")  # Debian's; `.ci/run` installs it
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:[349]|10)\d[\d;]*m")
HEADINGS = ["Use case", "Architecture", "Diagram", "Pros", "Cons", "Considerations"]
# One with text and one without, a server and none, an engine that reads STEPS as it runs and one for which they are printed.
CARRIED_OUT: tuple[Answers, ...] = ({}, {"modalities": "tabular", "model": "single", "orchestrator": "dvc", "serving": "batch"})


def shell(text: str) -> None:
    """Let bash read commands without carrying them out."""
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)


def begins_as(pattern: str) -> Callable[[str], None]:
    """Asks that a text, or each line of it, begins so."""

    def asks(text: str) -> None:
        assert re.fullmatch(pattern, text, re.DOTALL | re.MULTILINE), text

    return asks


PARSES: Mapping[str, Callable[[str], object]] = {
    "diff": begins_as(r"([-+ ][^\n]*\n|\n)+"),
    "json": json.loads,
    "mermaid": begins_as(r"flowchart (LR|TB)\n.*"),
    "python": lambda text: compile(text, "a page", "exec"),
    "sh": shell,
    "text": str.splitlines,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}


def typist(project: Project, env: Mapping[str, str]) -> Callable[[str], str]:
    """Types a command in a project as if it were installed; what it printed, without colours, for no terminal reads it."""
    write_script(project.folder / ".venv" / "bin" / "python", f'#!/bin/sh\nexec {project.python} "$@"\n')
    versions: list[str] = []
    ids: list[str] = []

    def types(command: str) -> str:
        if command.startswith("uvx "):
            path = f"{project.python.parent}{os.pathsep}{os.environ['PATH']}"
            return at_a_terminal(command.removeprefix("uvx "), project.folder, {"PATH": path})
        program, *words = command.split()
        if program != ".venv/bin/next-pick":
            return plain(project.with_libraries("bash", "-c", command, env=env))
        printed = project.warm(
            project.package, *({"VERSION": versions[-1:], "ID": ids[:1]}.get(word, [word])[0] for word in words)
        )
        if words == ["models", "list"]:
            versions[:] = re.findall(r"^[* ] (\S+)  ", printed, re.MULTILINE)
        if words[0] == "log":
            ids[:] = re.findall(r"^ ?(\d{8}-[0-9a-f]{20}) ", printed, re.MULTILINE)
        return plain(printed)

    return types


def plain(printed: str) -> str:
    """What was printed into a pipe."""
    assert "\x1b[" not in printed, printed
    return printed


@pytest.mark.parametrize("answers", CARRIED_OUT, ids=name_of)
def test_tutorial_is_true(answers: Answers, released: Path, tmp_path: Path, caches: Caches) -> None:
    """Carried out from top to bottom in a fresh project, every edit fits, every command works and prints what is shown."""
    project = Project.render("copier", released, answers, tmp_path / "rendered")
    project.edit_settings((r"demo = \d+", "demo = 1600"), (r"boosting_rounds = \d+", "boosting_rounds = 10"))
    page = (project.folder / "docs" / "tutorial.md").read_text(encoding="utf-8")
    typed = carried_out(page, project.folder, typist(project, caches(project)))

    assert {"make install", "make run", "make check", "uvx copier update"} <= set(typed)


@pytest.mark.parametrize("answers", each_answer(), ids=name_of)
def test_pages_hold_together(answers: Answers, render: Render) -> None:
    """Every block parses, every relative link leads to a page or file that is there, a pattern's page has its six headings."""
    project = render("copier", **answers)
    pages = {path: path.read_text(encoding="utf-8") for path in sorted((project.folder / "docs").rglob("*.md"))}
    readme = project.folder / "README.md"
    links = [
        (path, path.parent / link)
        for path, page in (pages | {readme: readme.read_text(encoding="utf-8")}).items()
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page)
    ]
    patterns = {path.stem: page for path, page in pages.items() if path.parent.name == "patterns"}

    assert [] == [(path.name, block, why) for path, page in pages.items() for block in blocks(page) if (why := unparsed(block))]
    assert [] == [(path.name, str(target)) for path, target in links if not target.exists()]
    assert 10 <= len(patterns)
    assert ("cascade" in patterns) == (project.answers["model"] == "cascade")
    for name, page in patterns.items():
        assert HEADINGS == re.findall(r"^## (.*)", page, re.MULTILINE), name
        assert ["mermaid"] == [block.language for block in blocks(page)], name
        assert all(section.strip() for section in re.split(r"^## .*", page, flags=re.MULTILINE)), name


def test_commands_that_pages_name_are_there(render: Render) -> None:
    """What begins with the name of a group, in backticks, goes on with one of its words."""
    project = render("copier")
    source = project.folder / "src" / project.package
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(source.glob("cli*.py")))
    there = set(re.findall(r'^@(\w+)_app\.command\("([\w-]+)"\)', code, re.MULTILINE))
    groups = set(re.findall(r'"(\w+)": \1_app', code))  # as cli.py adds them; the words of other apps stand by themselves
    pages = [*project.folder.glob("*.md"), *project.folder.glob("docs/**/*.md"), project.folder / "settings.toml"]
    named = {
        (path.name, group, word)
        for path in pages
        for group, word in re.findall(rf"`({'|'.join(groups)}) ([a-z][\w-]*)", path.read_text(encoding="utf-8"))
    }

    assert {"models", "features", "labels"} == groups
    assert 5 <= len(named)
    assert [] == [(page, group, word) for page, group, word in sorted(named) if (group, word) not in there]


def unparsed(block: Block) -> str:
    """Why a block is none of its language; empty if it is."""
    if block.language not in PARSES:
        return "a language that nothing here reads"
    try:
        PARSES[block.language](block.text)
    except (AssertionError, SyntaxError, ValueError, yaml.YAMLError, subprocess.CalledProcessError) as error:
        return repr(error)
    return ""


@pytest.fixture(scope="module")
def operated(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in operation: two models, the younger of which answers, some answers in the log, and tests that were run."""
    project = Project.render("copier", template, {}, tmp_path_factory.mktemp("operated"))
    project.edit_settings((r"demo = \d+", "demo = 400"), (r"boosting_rounds = \d+", "boosting_rounds = 10"))
    project.warm(project.package, "run")
    project.edit_settings((r"^seed = 7", "seed = 8"))
    project.warm(project.package, "run")
    younger = sorted((project.folder / "models").glob("*/card.json"), key=lambda card: card.stat().st_mtime)[-1]
    project.warm(project.package, "models", "promote", younger.parent.name)
    project.warm(project.package, "predict")
    project.warm(project.package, "monitor")
    project.warm("pytest", "-q", "-p", "no:cacheprovider", "tests/code/test_split.py", "--junitxml=test-results.xml")
    return project


def test_runbook_is_true(operated: Project, caches: Caches) -> None:
    """Each of its commands works in its order, and the two documents are there; the scorecard counts what ran alone."""
    page = (operated.folder / "docs" / "runbook.md").read_text(encoding="utf-8")
    types, said = typist(operated, caches(operated)), dict[str, str]()

    def notes(command: str) -> str:
        said[command] = types(command)
        return said[command]

    carried_out(page, operated.folder, notes)

    assert {"model-card.md", "data-dictionary.md"} == {path.name for path in (operated.folder / "docs" / "made").iterdir()}
    assert "ML Test Score: 0, the least of the four sections" in said[".venv/bin/next-pick scorecard"]


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}], ids=["colours", "NO_COLOR"])
def test_run_tells_a_terminal_how_long_it_takes(environment: dict[str, str], operated: Project) -> None:
    """A step's time stands beside that of its last run; its colours, which a pipe never gets, are left out with NO_COLOR."""
    shutil.rmtree(operated.folder / "artifacts" / "report")
    at = operated.as_if_installed() | {"TERM": "xterm-256color"} | environment
    shown = at_a_terminal("next-pick run", operated.folder, at)

    assert re.search(r"report.* 0:00:\d\d.* of about 0:00:\d\d", shown), shown
    assert bool(COLOUR.search(shown)) == (not environment), shown


def test_site_builds_without_a_word_of_warning(render: Render) -> None:
    """Every page, and a reference that holds every public function; a link that leads nowhere fails; git sees none of it."""
    project = render("copier")
    said = project.make("docs")
    reference = (project.folder / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    public = {
        f"{'.'.join(path.relative_to(project.folder / 'src').with_suffix('').parts)}.{node.name}"
        for path in (project.folder / "src").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    pages = {path.relative_to(project.folder / "docs").with_suffix("") for path in (project.folder / "docs").rglob("*.md")}

    assert "No issues found" in said
    assert not re.search("warning|griffe", said, re.IGNORECASE), said
    assert set() == {name for name in public if f'id="{name}"' not in reference}
    assert [] == [str(page) for page in pages - {Path("index")} if not (project.folder / "site" / page / "index.html").exists()]
    with (project.folder / "docs" / "code.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    with pytest.raises(CommandFailed, match="page does not exist"):
        project.make("docs")
    commit(project.folder)
    assert [] == [name for name in git(project.folder, "ls-files").split() if name.startswith(("site/", ".cache/"))]


def test_pages_can_be_read_by_everybody(operated: Project) -> None:
    """Axe finds nothing to say against the site, the run's report and the monitor's, in light colours and in dark ones."""
    if not CHROMIUM.exists():
        absent = "Chromium is absent; apt-get install chromium to run this test"
        if "CI" in os.environ:
            pytest.fail(absent)
        pytest.skip(absent)
    operated.make("docs")
    # The reference is one page of all functions, on which axe takes minutes; it has the theme of the others.
    pages = [page for page in sorted((operated.folder / "site").rglob("index.html")) if page.parent.name != "reference"]
    pages += [operated.folder / "artifacts" / "report" / "report.html", operated.folder / "monitoring" / "report.html"]
    found = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            shown = browser.new_page(color_scheme=scheme, bypass_csp=True)  # axe is a script, which the reports allow none
            for page in pages:
                shown.goto(page.as_uri())
                said = Axe().run(shown).response["violations"]
                found += [(page.parent.name, scheme, one["id"], one["nodes"][0]["target"]) for one in said]
        browser.close()

    assert 20 <= len(pages)
    assert [] == found


def test_runbook_has_a_section_for_each_alert_and_each_refusal(render: Render) -> None:
    """What monitoring can alarm about, and every status that the API gives for a refusal, read in the code."""
    project = render("copier")
    page = (project.folder / "docs" / "runbook.md").read_text(encoding="utf-8")
    sections = {name for line in re.findall(r"^### (.*)", page, re.MULTILINE) for name in re.findall("`([^`]+)`", line)}
    source = project.folder / "src" / project.package
    alarms = {name for path in (source / "monitoring").glob("*.py") for name in alarming(path.read_text(encoding="utf-8"))}
    statuses = {
        node.value
        for path in (source / "serving").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and type(node.value) is int and 400 <= node.value < 600
    }

    assert {re.sub("[A-Z]+", "*", name) for name in sections} - {"score: all"} == alarms
    assert statuses - {499, 500} | {500} == {int(code) for code in re.findall(r"^\| (\d{3}) \|", page, re.MULTILINE)}


def alarming(text: str) -> set[str]:
    """The names of findings that may be alarms, `*` for what differs: of those calls whose third argument is not False."""
    found = set()
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef):
            continue
        named = {
            ast.unparse(target): value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
            for target, value in zip(node.targets[0].elts, node.value.elts, strict=True)
        }
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Finding" and ast.unparse(call.args[2]) != "False":
                name = named.get(ast.unparse(call.args[1]), call.args[1])
                words = name.values if isinstance(name, ast.JoinedStr) else [name]
                found.add("".join(str(word.value) if isinstance(word, ast.Constant) else "*" for word in words))
    return found


def test_scorecards_faults_are_seeded(render: Render) -> None:
    """Each that stands in italics is one of `make mutants`, which a test of that row's file has noticed; most rows have one."""
    page = (render("copier").folder / "docs" / "scorecard.md").read_text(encoding="utf-8")
    told = re.findall(r"\| `([\w/]+\.py)::\w+` \| [1½] \| \*([^*]+)\*", page)
    seeded = {mutant.what: mutant.test for mutant in mutants()}

    assert 14 <= len(told)
    assert [] == [(test, what) for test, what in told if Path(test).name not in seeded.get(what, "")]
