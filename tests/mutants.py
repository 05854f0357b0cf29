"""Faults seeded into a copy of the template, one at a time: the tests must go red on each.

    python tests/mutants.py [WORD ...]

With words, only the faults whose description holds one of them; without, all, and docs/mutations.md is written.
Ends with 1 if a fault went unseen, or if the tests were red without any.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from commands import copy_sources, git
from project import Project

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "mutations.md"
OWN = "tests/code"  # of a project
TREE = "{{cookiecutter.project_slug}}"
PACKAGE = f"{TREE}/src/{{{{cookiecutter.package_name}}}}"
TEXT = "encoders/{{ 'text.py' if 'text' in cookiecutter.modalities else '' }}"
APP = f"{PACKAGE}/serving/{{{{ 'app.py' if cookiecutter.serving == 'api' else '' }}}}"
ROUTES = f"{PACKAGE}/serving/{{{{ 'v1.py' if cookiecutter.serving == 'api' else '' }}}}"
CI, TRAIN, RELEASE, UPDATE = (
    f"{TREE}/.github/workflows/{{{{ '{name}.yml' if cookiecutter.ci == 'github' else '' }}}}"
    for name in ("ci", "train", "release", "template-update")
)

STORE_CODE = f"{PACKAGE}/feature_store"
HISTORY = f"{STORE_CODE}/{{{{ 'history.py' if cookiecutter.feature_store == 'duckdb' else '' }}}}"
ONLINE = f"{STORE_CODE}/{{{{ 'online.py' if cookiecutter.feature_store == 'duckdb' else '' }}}}"
MATERIALIZATION = f"{STORE_CODE}/materialization.py"

PARITY = "tests/test_3_parity.py::test_tools_agree"
CHECKED = "tests/test_6_checked.py::test_check_finds_nothing"
RUN = "tests/test_7_variants.py::test_variant_runs[default]"
STORE = "tests/test_8_feature_store.py::test_store_keeps_its_contract[duckdb-]"
OWN_WORDS = "tests/test_8_engines.py::test_an_engines_own_words_work_and_call_nobody"
README = "tests/test_9_installed.py::test_readme_of_a_project_is_true[default]"


@dataclass(frozen=True)
class Mutant:
    """A fault, where it is seeded, the test that is to notice it, and the engine of the project whose own test that is."""

    what: str
    file: str
    change: Callable[[Path], None]
    test: str
    engine: str = "doit"


def replaced(before: str, after: str) -> Callable[[Path], None]:
    """Other text in the place of one that occurs once.

    Raises:
        ValueError: It occurs not at all or more than once.
    """

    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise ValueError(f"{path}: expected once, found {text.count(before)} times: {before}")
        path.write_text(text.replace(before, after), encoding="utf-8")

    return change


def written(text: str) -> Callable[[Path], None]:
    """A file that was not there, or with other contents."""

    def change(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return change


def renamed(name: str) -> Callable[[Path], None]:
    """Another name in the same folder."""

    def change(path: Path) -> None:
        path.rename(path.with_name(name))

    return change


def made_executable(path: Path) -> None:
    """The mode of a script."""
    path.chmod(0o755)


def runners_among_the_rest(path: Path) -> None:
    """No empty line after the runner of a job."""
    path.write_text(re.sub(r"(runs-on: .*\n)\n", r"\1", path.read_text(encoding="utf-8")), encoding="utf-8")


MUTANTS = (
    # The questions
    Mutant(
        "an answer is offered, and nothing is made for it",
        "cookiecutter.json",
        replaced('"ci": ["github", "gitlab"]', '"ci": ["github", "gitlab", "none"]'),
        "tests/test_3_parity.py::test_every_answer_makes_a_difference",
    ),
    Mutant(
        "one tool offers an answer that the other does not",
        "copier.yml",
        replaced('advertising": BSD-3-Clause', 'advertising": BSD-2-Clause'),
        "tests/test_1_questions.py::test_words_are_the_same",
    ),
    # The documentation
    Mutant(
        "a page leads nowhere",
        f"{TREE}/docs/code.md",
        replaced("(scorecard.md)", "(score.md)"),
        "tests/test_7_docs.py::test_pages_hold_together",
    ),
    Mutant(
        "a pattern has no considerations",
        f"{TREE}/docs/patterns/transform.md",
        replaced("## Considerations", "## Notes"),
        "tests/test_7_docs.py::test_pages_hold_together",
    ),
    Mutant(
        "a page names a command that there is not",
        f"{TREE}/docs/patterns/model-versioning.md",
        replaced("`card --version VERSION`", "`models card`"),
        "tests/test_7_docs.py::test_commands_that_pages_name_are_there",
    ),
    Mutant(
        "the runbook forgets an alert",
        f"{TREE}/docs/runbook.md",
        replaced("### `repeats`", "### Repeats"),
        "tests/test_7_docs.py::test_runbook_has_a_section_for_each_alert_and_each_refusal",
    ),
    Mutant(
        "the reference leaves out modules",
        f"{TREE}/zensical.toml",
        replaced("show_submodules = true", "show_submodules = false"),
        "tests/test_7_docs.py::test_site_builds_without_a_word_of_warning",
    ),
    Mutant(
        "without make, a word does something else",
        f"{TREE}/pyproject.toml",
        replaced('docs.cmd = "zensical build --clean --strict"', 'docs.cmd = "zensical build --clean"'),
        "tests/test_6_checked.py::test_words_are_the_same_everywhere",
    ),
    Mutant(
        "a row loses its quotes on its way through make",
        f"{TREE}/Makefile",
        replaced('predict "$$ROW"', "predict $(ROW)"),
        "tests/test_6_checked.py::test_row_is_predicted_as_it_was_typed",
    ),
    # The tree
    Mutant(
        "a file's condition asks for another answer",
        f"{PACKAGE}/{TEXT}",
        renamed("{{ 'text.py' if 'image' in cookiecutter.modalities else '' }}"),
        PARITY,
    ),
    Mutant("a file is forgotten", f"{TREE}/tests/data/test_demo.py", Path.unlink, PARITY),
    Mutant(
        "a file is left empty by a condition",
        f"{TREE}/CHANGELOG.md",
        written("# {% if false %}\nNews\n# {% endif %}\n"),
        PARITY,
    ),
    Mutant("a file has a name that Windows forbids", f"{TREE}/src/aux.md", written("Words.\n"), PARITY),
    Mutant("a settings file is executable", f"{TREE}/settings.toml", made_executable, PARITY),
    Mutant(
        "a render differs each time",
        f"{TREE}/README.md",
        replaced("## The flow", "## The flow {{ range(99999999) | random }}"),
        PARITY,
    ),
    Mutant(
        "a name of the template is left in a project",
        f"{TREE}/README.md",
        replaced("## The flow", "## Cookiecutter's flow"),
        PARITY,
    ),
    Mutant(
        "a workflow's own braces are rendered",
        CI,
        replaced("  group: ci-${{ github.ref }}\n", "# {% endraw %}\n  group: ci-${{ github.ref }}\n# {% raw %}\n"),
        PARITY,
    ),
    Mutant(
        "a description is written as it was typed",
        f"{TREE}/pyproject.toml",
        replaced("{{ cookiecutter.__description }}", "{{ cookiecutter.description }}"),
        "tests/test_4_hostile.py::test_hostile_text_renders",
    ),
    Mutant(
        "cookiecutter leaves no answers file",
        "hooks/post_gen_project.py",
        replaced('Path(".copier-answers.yml")', 'Path(".copier-answers.yaml")'),
        PARITY,
    ),
    Mutant(
        "an update overwrites the owner's settings",
        "copier.yml",
        replaced("  - /settings.toml\n", ""),
        "tests/test_5_updates.py::test_project_follows_its_template",
    ),
    Mutant(
        "an update overwrites the package's own words",
        "copier.yml",
        replaced("  - /src/*/__init__.py\n", ""),
        "tests/test_5_update_matrix.py::test_update_is_the_newest_with_the_owners_edits[v900.0.0-cookiecutter-default-ordinary]",
    ),
    Mutant(
        "an owner's dependency stands beside the template's",
        f"{TREE}/pyproject.toml",
        replaced("  # Yours stand below.\n", ""),
        "tests/test_5_update_matrix.py::test_update_is_the_newest_with_the_owners_edits[v900.0.0-cookiecutter-default-ordinary]",
    ),
    Mutant(
        "an answer that was once given is not understood",
        "copier.yml",
        replaced('on Kubernetes": kubeflow\n', 'on Kubernetes": kfp\n'),
        "tests/test_5_update_matrix.py::test_answers_once_given_stay_valid[v0.1.0-kubeflow-update]",
    ),
    Mutant(
        "cookiecutter takes what stands between two releases",
        "hooks/pre_gen_project.py",
        replaced("    if cloned and releases", "    if not cloned and releases"),
        "tests/test_5_updates.py::test_cookiecutter_takes_no_state_between_releases",
    ),
    Mutant(
        "the runner touches what a release changes",
        CI,
        runners_among_the_rest,
        "tests/test_2_source.py::test_runner_stands_by_itself",
    ),
    # Workflows, as they were run
    Mutant(
        "a schedule trains though nothing is due",
        TRAIN,
        replaced("        if: steps.due.outputs.due == 'run'\n        run: make run\n", "        run: make run\n"),
        "tests/test_8_workflows.py::test_nothing_due_is_left_out[github]",
    ),
    Mutant(
        "a model that waits is offered by a job that may not push",
        TRAIN,
        replaced("contents: write # of the branch", "contents: read # of the branch"),
        "tests/test_8_workflows.py::test_a_model_waits_for_a_hand[github]",
    ),
    Mutant(
        "an image is pushed by a job that may not",
        RELEASE,
        replaced("      packages: write # to push the image\n", ""),
        "tests/test_8_workflows.py::test_a_release_is_built_deployed_and_rolled_back[github]",
    ),
    Mutant(
        "a failed deployment is left as it is",
        RELEASE,
        replaced("needs.deploy.result == 'failure'", "needs.deploy.result == 'cancelled'"),
        "tests/test_8_workflows.py::test_a_release_is_built_deployed_and_rolled_back[github]",
    ),
    Mutant(
        "a rollback by hand does nothing",
        RELEASE,
        replaced("always() && (github.event_name == 'workflow_dispatch' ||", "always() && (github.event_name == 'dispatch' ||"),
        "tests/test_8_workflows.py::test_a_release_is_built_deployed_and_rolled_back[github]",
    ),
    Mutant(
        "each alarm is an issue of its own",
        f"{TREE}/ci.mk",
        replaced('@open="$$(gh issue list', '@open="$$(true || gh issue list'),
        "tests/test_8_workflows.py::test_an_alarm_is_one_issue_and_asks_for_a_run[github]",
    ),
    Mutant(
        "a quiet monitor opens an incident",
        f"{TREE}/ci.mk",
        replaced('if [ "$${monitor:-}" = quiet ]', 'if [ "$${monitor:-}" = silent ]'),
        "tests/test_8_workflows.py::test_a_quiet_monitor_tells_nobody[gitlab]",
    ),
    Mutant(
        "a release is made though its tests fail",
        "tools/release.py",
        replaced("check=False).returncode:", "check=False).returncode > 1:"),
        "tests/test_5_release.py::test_release_is_refused",
    ),
    Mutant(
        "a release that is refused leaves the changelog dated",
        "tools/release.py",
        replaced('        git("reset", "--hard", "--quiet")\n', ""),
        "tests/test_5_release.py::test_commit_that_git_refuses_leaves_nothing",
    ),
    # What a project's checks are for
    Mutant(
        "an import that nothing uses",
        f"{PACKAGE}/metrics.py",
        replaced("from dataclasses", "import json\nfrom dataclasses"),
        CHECKED,
    ),
    Mutant(
        "a line that the formatter would change",
        f"{PACKAGE}/features.py",
        replaced("VIEWS = (WATCHING,)", "VIEWS = (WATCHING, )"),
        CHECKED,
    ),
    Mutant("a wrong type", f"{PACKAGE}/settings.py", replaced("    seed: int = ", "    seed: str = "), CHECKED),
    Mutant(
        "serving imports what trains",
        f"{PACKAGE}/serving/batch.py",
        replaced(
            "from .predictor import Predictor\n",
            "from ..pipeline.steps import STEPS  # noqa: F401\nfrom .predictor import Predictor\n",
        ),
        CHECKED,
    ),
    Mutant("a dependency is not declared", f"{TREE}/pyproject.toml", replaced('  "pillow>=12",\n', ""), CHECKED),
    Mutant(
        "a dependency loses its condition",
        f"{TREE}/pyproject.toml",
        replaced(
            "# {% if cookiecutter.serving == 'api' %}\n  \"fastapi>=0.121\",\n",
            "  \"fastapi>=0.121\",\n# {% if cookiecutter.serving == 'api' %}\n",
        ),
        CHECKED,
    ),
    Mutant(
        "a hook that checks nothing",
        f"{TREE}/.pre-commit-config.yaml",
        replaced("entry: make check", "entry: echo make check"),
        CHECKED,
    ),
    Mutant(
        "a README names a target that there is not",
        f"{TREE}/README.md",
        replaced("make predict   #", "make predicts  #"),
        CHECKED,
    ),
    # Workflows
    Mutant("a version without quotes", UPDATE, replaced('python-version: "3.11"', "python-version: 3.10"), CHECKED),
    Mutant("a workflow that GitHub would not read", UPDATE, replaced("runs-on:", "runs_on:"), CHECKED),
    Mutant("a workflow that may do anything", CI, replaced("permissions: {}\n", "permissions: write-all\n"), CHECKED),
    Mutant(
        "an action by its tag",
        UPDATE,
        replaced("actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "actions/checkout@v5"),
        CHECKED,
    ),
    Mutant("a check is taken out", f"{TREE}/Makefile", replaced("\t$(UV) run lint-imports\n", ""), CHECKED),
    Mutant(
        "a branch's name reaches a shell",
        CI,
        replaced("run: make check", "run: make check ${{ '{{' }} github.head_ref }}"),
        CHECKED,
    ),
    Mutant(
        "shell that splits words",
        f"{TREE}/ci.mk",
        replaced('deploy TAG="$$before"', "deploy TAG=$$before"),
        CHECKED,
    ),
    # What a project's tests are for
    Mutant(
        "a join sees what arrived later",
        HISTORY,
        replaced("WHERE event_time <= _at AND created_time <= _at", "WHERE event_time <= _at"),
        STORE,
    ),
    Mutant(
        "a join of sorted rows sees what arrived later",
        HISTORY,
        replaced("greatest(event_time, created_time)", "event_time"),
        STORE,
    ),
    Mutant(
        "a label misses a row of its own moment",
        HISTORY,
        replaced("WHERE event_time <= _at AND created_time <= _at", "WHERE event_time < _at AND created_time <= _at"),
        STORE,
    ),
    Mutant("a label misses a sorted row of its own moment", HISTORY, replaced("l._at >= r._known", "l._at > r._known"), STORE),
    Mutant("a value outlives its ttl", HISTORY, replaced("AND ($ttl::INTERVAL IS NULL OR", "AND (true OR"), STORE),
    Mutant("a sorted value outlives its ttl", HISTORY, replaced("WHERE $ttl::INTERVAL IS NULL OR", "WHERE true OR"), STORE),
    Mutant(
        "of two rows the one that arrived later wins, not the one that happened later",
        HISTORY,
        replaced("ORDER BY event_time, created_time, write_number", "ORDER BY created_time, event_time, write_number"),
        STORE,
    ),
    Mutant(
        "a day has 23 hours when clocks jump",
        f"{STORE_CODE}/sql.py",
        replaced("SET TimeZone = 'UTC'", "SET TimeZone = 'Europe/Berlin'"),
        STORE,
    ),
    Mutant(
        "labels come back without their index",
        f"{STORE_CODE}/store.py",
        replaced("found.set_axis(labels.index)", "found"),
        STORE,
    ),
    Mutant(
        "a text is joined to a number",
        f"{STORE_CODE}/keys.py",
        replaced('if found in (type_, "null") or', "if found or"),
        STORE,
    ),
    Mutant(
        "a row is online before it is known",
        ONLINE,
        replaced(
            "event_time <= $now AND created_time <= $now\n                GROUP BY",
            "event_time <= $now\n                GROUP BY",
        ),
        STORE,
    ),
    Mutant(
        "a row whose time has come is not put online",
        ONLINE,
        replaced(" OR event_time > $as_of OR created_time > $as_of)", ")"),
        STORE,
    ),
    Mutant(
        "a late row is not put online",
        ONLINE,
        replaced("(write_number > {written.get(log.view.name, 0)} OR event_time", "(event_time"),
        STORE,
    ),
    Mutant("an online value outlives its ttl", ONLINE, replaced("event >= now_us - view.ttl", "True"), STORE),
    Mutant(
        "what was made anew is put online on top of the old",
        ONLINE,
        replaced("all(old.parts.items() <= new.parts.items() for", "all(True for"),
        STORE,
    ),
    Mutant("the same rows are added again", MATERIALIZATION, replaced("FROM told {known}", "FROM told"), STORE),
    Mutant(
        "a correction that is taken back is lost",
        MATERIALIZATION,
        replaced("arg_max({values}, write_number)", "arg_min({values}, write_number)"),
        STORE,
    ),
    Mutant("a deleted entity comes back", f"{STORE_CODE}/deletion.py", replaced("conditions.append(", "str("), STORE),
    Mutant(
        "a deleted entity stays on the disk", f"{STORE_CODE}/deletion.py", replaced("sweep(after, folder)", "str(after)"), STORE
    ),
    Mutant("an edited view keeps its rows", MATERIALIZATION, replaced("view.keys, view.sql,", "view.keys,"), STORE),
    Mutant("two rows get one number", MATERIALIZATION, replaced("({log.written} +", "(0 +"), STORE),
    Mutant(
        "two writers write at once",
        f"{STORE_CODE}/writing.py",
        replaced('FileLock(folder / ".lock")', 'FileLock(folder / f".lock-{__import__("time").time_ns()}")'),
        STORE,
    ),
    Mutant(
        "an altered file is trained on",
        f"{STORE_CODE}/catalog.py",
        replaced("for name in changed(digests, folder):", "for name in []:"),
        RUN,
    ),
    Mutant(
        "test rows are trained on",
        f"{PACKAGE}/pipeline/training_set.py",
        replaced('materialize, "train")', 'materialize, "test")'),
        RUN,
    ),
    Mutant(
        "an edited module runs nothing",
        f"{PACKAGE}/pipeline/freshness.py",
        replaced("for path in sorted(modules)}", "for path in sorted(modules)[:0]}"),
        f"{OWN}/test_pipeline.py",
    ),
    Mutant(
        "a picture in a request is not the one in a batch",
        f"{PACKAGE}/data/schema.py",
        replaced("return b64decode(str(value), validate=True)", "return None"),
        RUN,
    ),
    Mutant(
        "the server forgets what was sent",
        ROUTES,
        replaced(
            "            asked = Asked(",
            "            key = models.champion.bundle.card.data.entity\n"
            "            rows = [{key: row[key]} for row in rows]\n"
            "            asked = Asked(",
        ),
        RUN,
    ),
    Mutant(
        "the server dies when it starts",
        APP,
        replaced("    return create_app(Path.cwd())", "    return create_app(Path.cwd() / 'x')"),
        RUN,
    ),
    # What engines do by themselves
    Mutant(
        "DVC tells its makers how it is used",
        f"{TREE}/.dvc/{{{{ 'config' if cookiecutter.orchestrator == 'dvc' else '' }}}}",
        replaced("analytics = false", "analytics = true"),
        f"{OWN_WORDS}[dvc]",
    ),
    Mutant(
        "Dagster tells its makers how it is used",
        f"{TREE}/{{{{ 'dagster.yaml' if cookiecutter.orchestrator == 'dagster' else '' }}}}",
        replaced("enabled: false # nothing is sent to anybody", "enabled: true"),
        f"{OWN_WORDS}[dagster]",
    ),
    Mutant(
        "a file that a step needs is not let into the image",
        f"{TREE}/.dockerignore",
        replaced("!settings.toml\n", ""),
        "tests/test_6_checked.py::test_image_is_made_of_what_there_is",
    ),
    Mutant(
        "the image's processes are root's",
        f"{TREE}/Dockerfile",
        replaced('USER 10001\nENTRYPOINT ["/app/.venv/bin/{{ cookiecutter.project_slug }}"]\nCMD ["run"]', 'CMD ["run"]'),
        "tests/test_6_checked.py::test_image_is_made_of_what_there_is",
    ),
    Mutant(
        "a test that can't fail",
        f"{TREE}/tests/code/test_split.py",
        written('"""Split."""\n\n\ndef test_split() -> None:\n    """It splits."""\n    assert True\n'),
        "tests/test_2_source.py::test_tests_can_fail",
    ),
    Mutant(
        "a target of the Makefile is misspelt inside",
        f"{TREE}/Makefile",
        replaced("score $(IN) $(OUT)", "score $(OUT) $(IN)"),
        README,
    ),
    Mutant("what only the tests import is not declared", f"{TREE}/pyproject.toml", replaced('  "httpx2>=2",\n', ""), README),
)


def mutants() -> list[Mutant]:
    """All of them: those above, and those of mutants.toml, which a file of a project's own tests is to notice."""
    told = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))["fault"]
    in_code = [
        Mutant(
            one["what"],
            f"{PACKAGE}/{one['file']}" if "file" in one else f"{TREE}/{one['top']}",
            replaced(one["before"], one["after"]),
            f"{OWN}/{one['test']}",
            one.get("engine", "doit"),
        )
        for one in told
    ]
    return [*MUTANTS, *in_code]


def main(words: list[str]) -> int:
    """Print a line per fault, and write its line of the table."""
    wanted = [mutant for mutant in mutants() if not words or any(word in mutant.what for word in words)]
    if not wanted:
        print(f"no fault is described by {' or '.join(words)}; the table in {TABLE.relative_to(ROOT)} lists them")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "template"
        copy_sources(ROOT, place)
        git(place, "init", "--quiet")
        for engine in sorted({mutant.engine for mutant in wanted}):
            if red := first_red(place, sorted({mutant.test for mutant in wanted if mutant.engine == engine}), engine):
                print(f"red without any fault: {red}")
                return 1
        seen = {}
        for mutant in wanted:
            began = time.perf_counter()
            seen[mutant.what] = with_fault(mutant, place)
            print(f"{mutant.what}: {seen[mutant.what] or 'NOT SEEN'} ({time.perf_counter() - began:.0f} s)", flush=True)
    TABLE.write_text(table(noticed() | seen), encoding="utf-8")
    print(f"{sum(bool(red) for red in seen.values())} of {len(seen)} faults seen")
    return int(not all(seen.values()))


def noticed() -> dict[str, str | None]:
    """What the table tells so far, by fault."""
    rows = re.findall(r"^\| (.*) \| `(test_\w+\.py::\w+)` \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


def with_fault(mutant: Mutant, place: Path) -> str | None:
    """The test that went red with the fault seeded; the template is then as it was."""
    whole = place.with_name("whole")
    shutil.copytree(place, whole)
    try:
        mutant.change(place / mutant.file)
        return first_red(place, [mutant.test], mutant.engine)
    finally:
        shutil.rmtree(place)
        whole.rename(place)


def first_red(place: Path, tests: list[str], engine: str) -> str | None:
    """The first test that fails, of the template's and of those of a default project with this engine.

    Raises:
        RuntimeError: The tests could not be run.
    """
    own = [test for test in tests if test.startswith(OWN)]
    harness = [test for test in tests if test not in own]
    with tempfile.TemporaryDirectory() as folder:
        project = Project.render("cookiecutter", place, {"orchestrator": engine}, Path(folder)).folder if own else place
        red = red_of(place, ["-n", "2", *harness], {}) if harness else None
        return red or (red_of(project, own, {"PYTHONPATH": f"{project / 'src'}{os.pathsep}{project}"}) if own else None)


def red_of(place: Path, tests: list[str], env: dict[str, str]) -> str | None:
    """The first of a folder's tests that fails."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(command, cwd=place, env=os.environ | env, capture_output=True, text=True, check=False)
    red = re.search(r"^(?:FAILED|ERROR) \S+/(\w+\.py::\w+)", ran.stdout, re.MULTILINE)
    if (red is None) != (ran.returncode == 0):
        raise RuntimeError(f"pytest ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return red[1] if red else None


def table(seen: dict[str, str | None]) -> str:
    """The faults and what noticed them, as a page."""
    rows = "".join(f"| {mutant.what} | `{seen.get(mutant.what) or 'NOT SEEN'}` |\n" for mutant in mutants())
    return (
        "# Faults that the tests have noticed\n\n"
        "`make mutants` seeds each of these faults into a copy of the template, runs the test that is to notice it, and\n"
        "writes this table; with words (`python tests/mutants.py join`), the lines of the faults that hold one of them.\n"
        "A run that leaves a fault unseen fails; so does `make test` if one no longer fits, or has no line here.\n\n"
        "| fault | first seen by |\n|---|---|\n" + rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
