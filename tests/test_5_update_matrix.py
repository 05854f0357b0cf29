"""Projects of every release, by either tool, with all kinds of answers, edited lightly and heavily, follow their template."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path

import copier
import jinja2
import pytest
import yaml
from commands import commit, git
from conftest import ROOT, Caches
from edits import EDITS, GONE, heavy, ordinary, owners, print_stages, rewrite
from history import NEWEST, NEXT, NOW, History, kept, releases, update
from passes import ALONE, AT_A_CORNER, without
from project import ANSWERS_FILE, Project
from variants import DEFAULTS, SUPPORTED, Answers, name_of, some

TEXTS = {"project_name": "Shop Window", "author_name": "Grace Hopper", "description": 'Says "what", and why: next.'}
WAYS = list(product([NOW, NEXT, *releases(ROOT)], ["cookiecutter", "copier"]))
VARIANTS = some(8)
COUNT = max(len(WAYS), len(VARIANTS))
# Each release with each tool, and each variant; every one of these with every kind of edits.
CASES = [(*way, variant) for _, way, variant in zip(range(COUNT), cycle(WAYS), cycle(VARIANTS), strict=False)]
NAMES = [f"{tag}-{tool}-{name_of(variant)}" for tag, tool, variant in CASES]
ANSWERS_ONCE_GIVEN = sorted(Path(__file__).with_name("answers").glob("*.yml"))
PRINTED = {"dvc.yaml"}  # from the steps; where both sides have a new one, its owner prints it again
MARKS = re.compile(r"^<<<<<<< before updating\n(.*?)^=======\n(.*?)^>>>>>>> after updating\n", re.MULTILINE | re.DOTALL)

Made = Callable[[tuple[str, str, Answers]], Project]


@pytest.fixture(scope="module", autouse=True)
def _quick() -> object:
    """What the tools render is compiled once, for copier renders a project three times to update it.

    And it does not ask git before each file whether modes count, as on Windows they do not.
    """
    compiled: dict[object, object] = {}
    compile_ = jinja2.Environment.compile

    def compile_once(self: jinja2.Environment, source: object, name: str | None = None, *rest: object) -> object:
        key = (type(self), source, name, rest[1:], self.block_start_string, self.trim_blocks, self.keep_trailing_newline)
        if key not in compiled:
            compiled[key] = compile_(self, source, name, *rest)  # type: ignore[call-overload]
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        patch.setattr("copier._main.Worker._sync_git_index_executable_bit", lambda *_: None, raising=False)
        yield


@pytest.fixture(scope="session")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Every release of the template, and two after it."""
    return History.whole(ROOT, template, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture(scope="session")
def made(history: History, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Makes a project once, and gives copies of it."""
    projects: dict[str, Project] = {}

    def make(case: tuple[str, str, Answers]) -> Project:
        name = repr(case)
        tag, tool, variant = case
        if name not in projects:
            projects[name] = history.make(tool, tag, variant | TEXTS, tmp_path_factory.mktemp("made") / "here")
        whole = projects[name]
        return replace(whole, folder=shutil.copytree(whole.folder, tmp_path_factory.mktemp("copy") / "project"))

    return make


def conflicts(project: Project) -> dict[str, list[tuple[str, str]]]:
    """The places that were left to the owner, by file: what stood there, and what the update would put there."""
    found = {name: MARKS.findall(content.decode()) for name, content in project.files().items()}
    return {name: places for name, places in found.items() if places}


def assert_nothing_left(project: Project) -> None:
    """No folder is empty, and no piece of a merge was rejected."""
    folders = [path for path in project.folder.rglob("*") if path.is_dir() and ".git" not in path.parts]

    assert [] == [folder for folder in folders if not any(folder.iterdir())]
    assert [] == [name for name in project.files() if name.endswith((".rej", ".orig"))]


@pytest.mark.parametrize("edit", ["nothing", "ordinary"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_update_is_the_newest_with_the_owners_edits(
    edit: str, case: tuple[str, str, Answers], made: Made, history: History
) -> None:
    """Without a conflict: the project is what the newest release makes with the same answers, edited in the same way.

    The owner's files are what they were, also those that the owner deleted; the answers are kept, a new one is the default.
    """
    project, fresh = made(case), made((NEWEST, "copier", case[2]))
    EDITS[edit](project)
    EDITS[edit](fresh)
    commit(project.folder)
    before, answers = project.files(), kept(project)
    update(project)
    unsolved = set(conflicts(project))
    if unsolved:
        print_stages(project)
    after, expected = project.files(), fresh.files()
    theirs = owners(project)

    assert unsolved <= PRINTED
    assert {name: before.get(name) for name in theirs} == {name: after.get(name) for name in theirs}
    assert expected.keys() == after.keys()
    assert [] == [name for name in expected if expected[name] != after[name] and name not in theirs]
    assert answers | {"_commit": NEWEST, "audit": "basic"} == kept(project)
    assert_nothing_left(project)


SHARED = {"pyproject.toml", ".gitignore", "Makefile", "src/shop_window/pipeline/steps.py"}
BOTH_REWROTE = {NOW: SHARED, NEXT: {"pyproject.toml"}}  # and, in either, the workflows


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_update_leaves_to_the_owner_only_what_both_rewrote(
    case: tuple[str, str, Answers], made: Made, history: History
) -> None:
    """Markers stand where both sides changed the same lines, and nowhere else; both sides' lines are there."""
    base, project, fresh = made(case), made(case), made((NEWEST, "copier", case[2]))
    heavy(project)
    ordinary(fresh)
    commit(project.folder)
    before = project.files()
    update(project)
    found, after, theirs, new = conflicts(project), project.files(), owners(project), fresh.files()

    workflows = {name for name, text in before.items() if name.startswith(".github/") and b"timeout-minutes" in text}

    assert BOTH_REWROTE.get(case[0], found.keys() & SHARED) | workflows == found.keys() - PRINTED
    for name in SHARED | workflows:
        old = lines(base.files()[name])
        places = found.get(name, [])
        assert lines(before[name]) - old <= lines(after[name]), "what the owner wrote"
        assert lines(new[name]) - old <= lines(after[name]), "what the release brings"
        assert all(lines(ours.encode()) - old and lines(newest.encode()) - old for ours, newest in places), "both changed it"
    assert [] == [name for name in new if name not in theirs | SHARED | workflows | PRINTED and new[name] != after[name]]
    assert {name: before.get(name) for name in theirs} == {name: after.get(name) for name in theirs}
    assert found.keys() == set(git(project.folder, "diff", "--name-only", "--diff-filter=U").split())
    assert_nothing_left(project)


@pytest.mark.slow
def test_settled_project_works(made: Made, caches: Caches) -> None:
    """Heavily edited, updated, each conflict settled and the README's picture drawn again, it is checked, tested and run."""
    project = made((NOW, "cookiecutter", DEFAULTS))
    heavy(project)
    commit(project.folder)
    update(project)
    for name in conflicts(project):
        path = project.folder / name
        path.write_text(MARKS.sub(r"\2", path.read_text(encoding="utf-8")), encoding="utf-8")
    picture = "```mermaid\n" + project.warm(project.package, "dag").strip() + "\n```"
    rewrite(project.folder / "README.md", r"(?s)```mermaid\n.*?```", picture)
    project.with_libraries("make", "check", env=caches(project))
    project.with_libraries("make", "test", env=without((*ALONE, *AT_A_CORNER)))

    assert "notice: done" in project.make("run")


def lines(content: bytes) -> set[str]:
    """The lines of a file."""
    return set(content.decode().splitlines())


def test_what_was_written_where_a_file_is_gone_is_shown(made: Made) -> None:
    """A file that a release renamed or removed goes with its owner's lines; the command that the update names shows them."""
    project = made(CASES[0])
    heavy(project)
    commit(project.folder)
    update(project)
    shown = git(project.folder, "diff", "HEAD", "--diff-filter=D")

    assert [] == [path for name in GONE for path in project.folder.glob(name)]
    assert len(GONE) == shown.count("\n-# ours")


RUNNERS = {".gitlab-ci.yml"}  # names them, once another service's jobs have come; nobody has chosen any there yet
CHANGED = [
    ({"model": "single"}, {"model": "cascade"}),
    ({"model": "cascade"}, {"model": "single"}),
    ({"feature_store": "duckdb"}, {"feature_store": "feast"}),
    ({"orchestrator": "dvc"}, {"orchestrator": "dagster"}),
    ({"orchestrator": "doit"}, {"orchestrator": "dvc"}),
    ({"license": "MIT"}, {"license": "Proprietary"}),
    *(({"ci": "github"}, {"ci": other}) for other in SUPPORTED["ci"][1:]),
]


@pytest.mark.parametrize(("was", "becomes"), CHANGED, ids=lambda answers: "-".join(answers.values()))
def test_changed_answer_gives_what_it_would_have_given(was: Answers, becomes: Answers, made: Made) -> None:
    """An answer changed by an update gives what a fresh project with it has, with the owner's edits; no folder is left."""
    project, fresh = made((NOW, "copier", DEFAULTS | was)), made((NEWEST, "copier", DEFAULTS | becomes))
    unedited = fresh.files()
    ordinary(project)
    ordinary(fresh)
    commit(project.folder)
    before = project.files()
    update(project, **becomes)
    unsolved = set(conflicts(project))
    print_stages(project)
    after, expected, theirs = project.files(), fresh.files(), owners(project)
    expected |= {name: unedited[name] for name in RUNNERS & expected.keys() - before.keys()}

    assert set() == unsolved
    assert expected.keys() == after.keys()
    assert [] == [name for name in expected if expected[name] != after[name] and name not in theirs]
    assert {name: before.get(name) for name in theirs} == {name: after.get(name) for name in theirs}
    assert becomes.items() <= kept(project).items()
    assert_nothing_left(project)


def test_settings_deleted_come_as_the_answers_want_them(made: Made) -> None:
    """Of the owner's files, settings and views can be had anew: what was deleted of them comes as the template has it now."""
    project, fresh = made((NOW, "copier", DEFAULTS)), made((NEWEST, "copier", DEFAULTS | {"model": "single"}))
    (project.folder / "settings.toml").unlink()
    (project.folder / "src" / project.package / "features.py").unlink()
    commit(project.folder)
    update(project, model="single")
    names = ["settings.toml", "src/shop_window/features.py"]

    assert [fresh.files()[name] for name in names] == [project.files()[name] for name in names]


def test_preview_writes_nothing(made: Made) -> None:
    """`copier update --pretend` leaves every file and git's index as they are."""
    project = made(CASES[0])
    ordinary(project)
    commit(project.folder)
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file() and ".git" not in path.parts}
    said = project.run(sys.executable, "-m", "copier", "update", "--defaults", "--pretend")
    after = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file() and ".git" not in path.parts}

    assert before == after
    assert "" == git(project.folder, "status", "--porcelain")
    assert NEWEST[1:] in said


@pytest.mark.parametrize("again", ["update", "recopy"])
@pytest.mark.parametrize("file", ANSWERS_ONCE_GIVEN, ids=lambda path: path.stem)
def test_answers_once_given_stay_valid(file: Path, again: str, history: History, tmp_path: Path) -> None:
    """An answers file of any release goes through an update and a recopy, and keeps each of its answers."""
    old = yaml.safe_load(file.read_text(encoding="utf-8"))
    given = {question: answer for question, answer in old.items() if not question.startswith("_")}
    project = history.make("copier", NOW, given, tmp_path / "made")
    place = {"_commit": NOW, "_src_path": str(history.folder)}
    (project.folder / ANSWERS_FILE).write_text(yaml.safe_dump(old | place, allow_unicode=True), encoding="utf-8")
    commit(project.folder)
    if again == "update":
        update(project)
    else:
        copier.run_recopy(project.folder, defaults=True, overwrite=True, quiet=True)

    assert (given | {"_commit": NEWEST}).items() <= kept(project).items()
    assert (project.folder / "AUDIT.md").exists()
    assert {} == conflicts(project)
