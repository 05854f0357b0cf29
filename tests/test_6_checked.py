"""A project just rendered is clean before anybody has touched it, and its words mean something."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest
import yaml
from commands import commit, git
from conftest import Caches, Record, Render, Rendered
from filelock import FileLock
from image import context, instructions
from passes import only
from project import Project
from variants import SUPPORTED, Answers, name_of

OF_CI = (".github/", ".gitlab", "ci.mk", "docs/ci.md", "renovate.json")
SCHEMAS = {
    ".github/workflows/": "github-workflows",
    ".github/dependabot": "dependabot",
    ".gitlab": "gitlab-ci",
    "renovate": "renovate",
}
NO_SHELL = ("DL3003", "DL3004", "DL3018", "DL3047", "DL3059", "DL4001", "DL4006")  # hadolint's own, about images
CHECKS = [f"$(UV) run {command}" for command in ("ruff check", "ruff format --check", "mypy", "lint-imports", "deptry .")]


def test_check_finds_nothing(
    variant: Answers, rendered: Rendered, caches: Caches, shared: Path, tmp_path: Path, record_property: Record
) -> None:
    """The hooks pass on a project just committed and change nothing; its workflows are valid; the targets that it names exist.

    The only hook is `make check`: lint, format, types, import contract, declared dependencies. Where all but the files
    of CI, which it does not read, is as in a variant that was checked, it is not run again.
    """
    project = rendered(variant)
    files = {name: content for name, content in project.files().items() if not name.startswith(OF_CI)}
    checked = shared / f"{sha256(repr(sorted(files.items())).encode()).hexdigest()}.checked"
    with FileLock(f"{checked}.lock"):
        if not checked.exists():
            assert_check_finds_nothing(only(project.files(), project, tmp_path / "project"), caches)
            checked.touch()

    said = project.make("--dry-run", "check").splitlines()
    assert CHECKS == [f"$(UV) {line.partition('/uv ')[2]}" for line in said]
    assert ["make check"] == re.findall(
        r"entry: (.*)", (project.folder / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    assert CHECKS == recipe(project, "check")
    assert set() == named_targets(project) - targets(project)
    assert [] == [found for name, text in of_ci(project).items() for found in wrong(name, text)]
    assert [] == [found for text in of_ci(project).values() for found in re.findall(r"-version: [^\"'$\s].*", text)]
    record_property("checked", name_of(variant))


def assert_check_finds_nothing(project: Project, caches: Caches) -> None:
    """A project, committed, passes its hooks, which change no file."""
    commit(project.folder)
    project.with_libraries("pre-commit", "run", "--all-files", env=caches(project))

    assert "" == git(project.folder, "status", "--porcelain")


def recipe(project: Project, target: str) -> list[str]:
    """The commands behind a target of a project's Makefile."""
    makefile = project.folder.joinpath("Makefile").read_text(encoding="utf-8")
    return re.findall(r"^\t(.*)$", makefile.partition(f"\n{target}:")[2].partition("\n\n")[0], re.MULTILINE)


def targets(project: Project, *files: str) -> set[str]:
    """The targets of a project's Makefile, and of what that includes, that its owner is told of; or of some of these files."""
    texts = [(project.folder / name).read_text(encoding="utf-8") for name in files or ("Makefile", "ci.mk")]
    return set(re.findall(r"^([a-z-]+):.*##", "".join(texts), re.MULTILINE))


def named_targets(project: Project) -> set[str]:
    """Each `make` target that the README, the hooks or a workflow names, and those without which a project is none."""
    named = {
        target
        for name, content in project.files().items()
        if name.endswith((".md", ".yml", ".yaml", "Dockerfile"))
        for words in re.findall(
            r"(?:^|[`$&|:]\s*|run:\s*|^\s*- )make(?: --silent)?((?: [a-z-]+)+)", content.decode(), re.MULTILINE
        )
        for target in words.split()
    }
    return named | {"install", "check", "test", "run", "predict", "score"}


def of_ci(project: Project) -> dict[str, str]:
    """The files that say what CI does, by name, and the Makefiles, for their shell."""
    return {
        name: content.decode() for name, content in project.files().items() if name.startswith((*SCHEMAS, "Makefile", "ci.mk"))
    }


@cache  # few variants have files of their own
def wrong(name: str, text: str) -> tuple[str, ...]:
    """What the public schema, zizmor, offline and at its strictest, and ShellCheck say against a file; no exception is made."""
    said = []
    with TemporaryDirectory() as made:
        place = Path(made)
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
        (place / "Dockerfile").write_text(as_dockerfile(name, text), encoding="utf-8")
        schemas = [schema for start, schema in SCHEMAS.items() if name.startswith(start)]
        commands = [["check-jsonschema", "--builtin-schema", f"vendor.{schema}", name] for schema in schemas]
        commands += [["zizmor", "--offline", "--no-progress", "--persona=auditor", "."]] if ".github" in name else []
        for command in (*commands, ["hadolint", "--no-color", "Dockerfile"]):
            ran = subprocess.run([tool(command[0]), *command[1:]], cwd=place, capture_output=True, text=True, check=False)
            said += [f"{name}\n{ran.stdout}{ran.stderr}"] if ran.returncode else []
    return tuple(said)


def as_dockerfile(name: str, text: str) -> str:
    """The shell of a workflow or of a Makefile as hadolint reads it, which holds ShellCheck; its other rules are no matter."""
    blocks = recipes(text) if name.endswith(("Makefile", ".mk")) else scripts(yaml.safe_load(text))
    lines = ["FROM scratch", 'SHELL ["/bin/bash", "-eo", "pipefail", "-c"]']
    return "\n".join([f"# hadolint global ignore={','.join(NO_SHELL)}", *lines, *map(run_block, blocks)]) + "\n"


def run_block(script: str) -> str:
    """A block of shell as an instruction."""
    return f"RUN <<END\n{script}\nEND\n"


def scripts(parsed: object) -> list[str]:
    """The blocks of shell in a workflow of either service."""
    if isinstance(parsed, list):
        return [block for each in parsed for block in scripts(each)]
    if not isinstance(parsed, dict):
        return []
    own = [parsed["run"]] if isinstance(parsed.get("run"), str) else []
    own += ["\n".join(parsed[part]) for part in ("before_script", "script") if part in parsed]
    return own + [block for each in parsed.values() for block in scripts(each)]


def recipes(text: str) -> list[str]:
    """The commands of a Makefile, each with its continued lines; make's own variables are words."""
    joined = re.sub(r"\\\n\t?", "\\\\\n", text)
    found = re.findall(r"^\t@?((?:.*\\\n)*.*)$", joined, re.MULTILINE)
    return [re.sub(r"\$\((\w+)\)", r"\1", block).replace("$$", "$") for block in found]


def tool(name: str) -> str:
    """A command that was installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def test_help_lists_the_targets(render: Render) -> None:
    """`make` alone prints each target with what it does."""
    project = render("copier")
    printed = project.run("make")

    assert [] == [target for target in targets(project) if target not in printed]


WITHOUT_MAKE = {"help", "install", "ui"}  # `poe` alone lists; it is there once `uv sync` has run; a web page copies files


@pytest.mark.parametrize("serving", SUPPORTED["serving"])
def test_words_are_the_same_everywhere(serving: str, render: Render) -> None:
    """Behind each word of the Makefile stand the commands that poe starts, without make; an editor's tasks are its words.

    Those of `ci.mk` are for workflows, which have a make.
    """
    project = render("copier", serving=serving)
    poe = tomllib.loads((project.folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["poe"]["tasks"]
    tasks = {word: [part["cmd"] for part in task.get("sequence", [task])] for word, task in poe.items()}
    words = targets(project, "Makefile") - WITHOUT_MAKE
    made = {word: [as_poe(line) for line in recipe(project, word)] for word in words}
    editor = json.loads((project.folder / ".vscode" / "tasks.json").read_text(encoding="utf-8"))["tasks"]

    assert made == tasks
    assert [f"make {task['label']}" for task in editor] == [task["command"] for task in editor]
    assert {task["label"] for task in editor} <= targets(project)


def as_poe(line: str) -> str:
    """A line of a recipe as poe's cmd, whose variables stand in braces."""
    return re.sub(r"\$\((\w+)\)", r"${\1}", line.removeprefix("$(UV) run ")).replace("$$", "$")


def test_row_is_predicted_as_it_was_typed(render: Render) -> None:
    """`make predict ROW=…` hands the row on, its quotes and blanks with it; without one, an example is asked for."""
    project, row = render("copier"), '{"user_id": 7, "note": "it\'s"}'
    asked = ["make", "--silent", "predict", "UV=/bin/echo"]

    assert f"run next-pick predict {row}\n" == project.run(*asked, f"ROW={row}")
    assert "run next-pick predict \n" == project.run(*asked)


# What has grown into a part of its own has a bound of its own; the rest is what joins them.
PARTS = {
    "feature store": "/feature_store/|/cli_features",
    "serving": "/serving/",
    "log and labels": "/(prediction_log|ledger|redaction|labels|replay|feedback|cli_labels|cli_replay)",
    "monitoring": "/monitoring/|/descriptors/|/reference|/cli_monitor",
    "encoders": "/encoders/",
    "data": "/data/",
    "model": "/model/",
    "gate and registry": "/(gate|intervals|registry|fitness|differences|bundle|proof|card|cli_models)",
    "report": "/report/|/(explanation|occlusion|logged_answer|cli_explain)|/report.py|/tracking",
    "search": "/knobs|/tune|/search_space",
    "engine": "/(engine|due|compute|progress|outset)",
    "documents": "/(documents|scorecard|cli_documents)",
}
MOST_LINES = {"feature store": 1020, "encoders": 800, "data": 800, "model": 460, "gate and registry": 780, "serving": 1260}
MOST_LINES |= {"log and labels": 680, "monitoring": 1150, "report": 700, "search": 250, "engine": 250, "all else": 1400}
MOST_LINES["documents"] = 210


def test_default_project_stays_small(render: Render) -> None:
    """Half of the files have at most 100 lines, none more than 250; of code, each part keeps to its bound."""
    project = render("copier")
    texts = {name: text.decode() for name, text in project.files().items() if re.fullmatch(r"src/.*\.py", name)}
    lengths = [len(text.splitlines()) for text in texts.values()]
    parts: Counter[str] = Counter()
    for name, text in texts.items():
        part = next((part for part, pattern in PARTS.items() if re.search(pattern, name)), "all else")
        parts[part] += lines_of_code(text)

    assert max(lengths) <= 250
    assert median(lengths) <= 100
    assert {} == {part: lines for part, lines in parts.items() if lines > MOST_LINES[part]}


def lines_of_code(text: str) -> int:
    """Lines that hold code: neither blank, nor a comment, nor part of a docstring."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(number not in documented and bool(line.strip()) and not line.strip().startswith("#") for number, line in lines)


@pytest.mark.parametrize("orchestrator", SUPPORTED["orchestrator"])
@pytest.mark.parametrize("serving", SUPPORTED["serving"])
def test_image_is_made_of_what_there_is(serving: str, orchestrator: str, render: Render) -> None:
    """What is copied is there once `make install` has written the lock, and let through; hadolint finds nothing.

    Libraries come before the code, so that an edit of it installs nothing anew; in the end nobody is root.
    """
    project = render("copier", serving=serving, orchestrator=orchestrator)
    copied = set()
    for target, lines in instructions(project).items():
        names = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1] if not name.startswith("--")]
        copied |= set(names)
        if target != "base":
            libraries = next(number for number, line in enumerate(lines) if "--no-install-project" in line)
            assert {"pyproject.toml", "uv.lock"} == {
                name for line in lines[:libraries] if line.startswith("COPY ") for name in line.split()[1:-1]
            }
            assert ["USER 10001"] == [line for line in lines if line.startswith("USER")]
            assert 'ENTRYPOINT ["/app/.venv/bin/next-pick"]' in lines
    ran = subprocess.run([tool("hadolint"), "Dockerfile"], cwd=project.folder, capture_output=True, text=True, check=False)

    assert {"uv.lock", "release"} == {name for name in copied if not (project.folder / name).exists()}
    assert copied == {name.partition("/")[0] if name.startswith(".dvc/") else name for name in context(project)}
    assert (0, "") == (ran.returncode, ran.stdout + ran.stderr)
