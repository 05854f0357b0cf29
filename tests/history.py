"""The template's releases: every one that it has, its files as they are now, and two that are made of them.

The two made ones change each file that an owner edits too, beside the very lines that owners edit, as later releases will.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import copier
import yaml
from commands import commit, git
from cookiecutter.main import cookiecutter
from mutants import PACKAGE, TREE, renamed, replaced
from project import ANSWERS_FILE, Project, as_typed
from variants import Answers

NOW, NEXT, NEWEST = "v900.0.0", "v901.0.0", "v902.0.0"
DVC = f"{TREE}/{{{{ 'dvc.yaml' if cookiecutter.orchestrator == 'dvc' else '' }}}}"

TALLY = '''"""Tally: how many rows each table has left, and which release of packaging could tell."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from packaging.version import Version

from ..settings import Settings


def run(settings: Settings, out: Path, validate: Path) -> None:
    """Write `rows.json`."""
    rows = {path.stem: pq.read_metadata(path).num_rows for path in sorted(validate.glob("*.parquet"))}
    (out / "rows.json").write_text(json.dumps({"format": Version("1.0").major, "rows": rows}), encoding="utf-8")
'''
TEST_OF_TALLY = '''"""The tally of rows."""

from __future__ import annotations

import json
from pathlib import Path


def test_tally_counts_rows(root: Path) -> None:
    """Those that were put aside too, of which there may be none."""
    found = json.loads((root / "artifacts" / "tally" / "rows.json").read_text(encoding="utf-8"))

    assert found["rows"].pop("quarantine") == 0 < min(found["rows"].values())
'''
STAGE = """\
  tally:
    cmd: python -m {{ cookiecutter.package_name }} step tally
    deps:
    - artifacts/validate
    - pyproject.toml
    - src/{{ cookiecutter.package_name }}/pipeline/tally.py
    params:
    - settings.toml:
    outs:
    - artifacts/tally:
        persist: true
"""

WORKFLOWS = f"{TREE}/.github/workflows"

# What each made release does to the template's files, in order.
Changes = tuple[tuple[str, Callable[[Path], None]], ...]


def also(text: str) -> Callable[[Path], None]:
    """More at the end of a file, or a file that was not there."""

    def change(path: Path) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)

    return change


def rewritten(before: str, after: str) -> Callable[[Path], None]:
    """Other text in the place of each that fits, in a file or in all of a folder; there is one."""

    def change(place: Path) -> None:
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        texts = {path: re.subn(before, after, path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in files}
        assert any(count for _, count in texts.values()), f"{place} has no {before!r}"
        for path, (text, _) in texts.items():
            path.write_text(text, encoding="utf-8")

    return change


ADDS: Changes = (
    (f"{TREE}/README.md", rewritten(r"\A# .*", r"\g<0>, newer")),
    (f"{TREE}/CHANGELOG.md", also("- The template's own words.\n")),
    (f"{TREE}/settings.toml", rewritten(r"^seed = \d+", "seed = 9")),
    (f"{PACKAGE}/__init__.py", rewritten(r'\A"""', '"""Newer: ')),
    (f"{PACKAGE}/features.py", rewritten(r'\A"""', '"""Newer: ')),
    (f"{TREE}/pyproject.toml", replaced("  # Yours stand below.\n", '  "packaging>=24",\n  # Yours stand below.\n')),
    (
        f"{TREE}/pyproject.toml",
        replaced("  # Yours stand below: uv add --group", '  "tqdm>=4.67",\n  # Yours stand below: uv add --group'),
    ),
    (
        f"{TREE}/pyproject.toml",
        replaced("  # Yours stand below: uv add --dev", '  "pytest-xdist>=3.8",\n  # Yours stand below: uv add --dev'),
    ),
    (WORKFLOWS, rewritten(r"actions/checkout@.*", "actions/checkout@93cb6efe18208431cddfb8368fd83d5badbf9bfd # v5.0.1")),
    (f"{PACKAGE}/pipeline/steps.py", rewritten("^    # Yours stand", r'    Step("tally", needs=("validate",)),\n\g<0>')),
    (f"{PACKAGE}/pipeline/tally.py", also(TALLY)),
    (f"{TREE}/tests/code/test_tally.py", also(TEST_OF_TALLY)),
    (DVC, replaced("metrics:\n", STAGE + "metrics:\n")),
    (f"{TREE}/Makefile", rewritten(r"\$\(UV\) run pytest\b", r"\g<0> --durations=5")),
    (
        f"{TREE}/Makefile",
        replaced(
            "\n# Yours\n", "\ntally: $(UV) ## count rows\n\t$(UV) run {{ cookiecutter.project_slug }} step tally\n\n# Yours\n"
        ),
    ),
    (f"{TREE}/.gitignore", replaced(".env\n", ".env\n.envrc\n")),
    (f"{TREE}/.pre-commit-config.yaml", rewritten(r"\A# ", "# Newer. ")),
    (f"{TREE}/tests/code/test_split.py", renamed("test_splitting.py")),
    (f"{PACKAGE}/report/decided.py", renamed("verdict.py")),
    # and its name where it is imported, in the formatter's order
    (TREE, rewritten(r"^(from .*report\.)decided( .*\n)((from .*report\.\w+ .*\n)*)", r"\3\1verdict\2")),
)
ASKS: Changes = (
    (
        "cookiecutter.json",
        replaced('  "license": ["MIT", "Apache-2.0",', '  "audit": ["basic", "none"],\n  "license": ["Apache-2.0", "MIT",'),
    ),
    ("copier.yml", replaced("license:\n", "audit:\n  type: str\n  choices: [basic, none]\n  default: basic\n\nlicense:\n")),
    ("copier.yml", replaced("  default: MIT\n", "  default: Apache-2.0\n")),
    ("copier.yml", replaced("    'license': license,\n", "    'audit': audit,\n    'license': license,\n")),
    (
        f"{TREE}/{{{{ 'AUDIT.md' if cookiecutter.audit == 'basic' else '' }}}}",
        also("# Audit\n\nWho looks at what, and when.\n"),
    ),
    (f"{TREE}/.editorconfig", Path.unlink),
    (f"{PACKAGE}/__init__.py", rewritten("Newer:", "Newest:")),
    (f"{PACKAGE}/features.py", rewritten("Newer:", "Newest:")),
    (f"{TREE}/settings.toml", rewritten(r"^seed = \d+", "seed = 11")),
    (f"{TREE}/README.md", rewritten(r"\A(# .*), newer", r"\1, newest")),
    (f"{TREE}/pyproject.toml", replaced('  "packaging>=24",\n', '  "packaging>=25",\n')),
    (f"{TREE}/pyproject.toml", replaced('  "tqdm>=4.67",\n', '  "tqdm>=4.68",\n')),
    (TREE, rewritten(r"^(FROM|  image:) python:[\d.]+", r"\1 python:3.11.99")),  # the image's base, and that of GitLab's jobs
    (WORKFLOWS, rewritten(r"timeout-minutes: (\d+)", r"timeout-minutes: 7\1")),
    (WORKFLOWS, rewritten(r"^    name: (.*)", r"    name: now \1")),
    (
        WORKFLOWS,
        rewritten(r"actions/setup-python@.*", "actions/setup-python@83679a892e2d95755f2dac6acb0bfd1e9ac5d548"),
    ),
    (f"{TREE}/Makefile", replaced("tally: $(UV) ## count rows\n", "tally: $(UV) ## count the rows that are left\n")),
    (f"{TREE}/.gitignore", replaced(".envrc\n", ".envrc\n.secrets\n")),
)


@dataclass(frozen=True)
class History:
    """A repository of the template, with a tag for each release."""

    folder: Path

    @classmethod
    def begin(cls, template: Path, folder: Path, tag: str = "v0.1.0") -> "History":
        """Release the template as it is."""
        shutil.copytree(template, folder)
        commit(folder, tag)
        return cls(folder)

    @classmethod
    def whole(cls, repository: Path, template: Path, folder: Path) -> "History":
        """Every release that a repository has, then the template as it is, then the two that are made of it."""
        folder.mkdir()
        history = cls(folder)
        for tag in releases(repository):
            history.clear()
            archive = subprocess.run(["git", "archive", tag], cwd=repository, capture_output=True, check=True).stdout
            subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
            commit(folder, tag)
        history.clear()
        shutil.copytree(template, folder, dirs_exist_ok=True)
        commit(folder, NOW)
        history.go_on(NEXT, ADDS)
        history.go_on(NEWEST, ASKS)
        return history

    def clear(self) -> None:
        """Take all files away, and leave the history."""
        for path in self.folder.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def go_on(self, tag: str, changes: Changes) -> None:
        """Release changes."""
        for name, change in changes:
            change(self.folder / name)
        commit(self.folder, tag)

    def make(self, tool: str, tag: str, answers: Answers, folder: Path) -> Project:
        """Make a project from a release, by either tool, and commit it."""
        folder.mkdir()
        if tool == "cookiecutter":
            context = {question: as_typed(answer) for question, answer in answers.items()}
            source = f"git+file://{self.folder}"
            place = Path(cookiecutter(source, tag, no_input=True, extra_context=context, output_dir=str(folder)))
        else:
            place = folder / "project"
            copier.run_copy(str(self.folder), place, answers, vcs_ref=tag, defaults=True, quiet=True)
        commit(place)
        return Project(place, answers)


def releases(repository: Path) -> list[str]:
    """The releases of a repository, the oldest first."""
    return git(repository, "tag", "--list", "v*", "--sort=version:refname").split()


def kept(project: Project) -> dict[str, str]:
    """What the answers file says."""
    answers: dict[str, str] = yaml.safe_load(project.folder.joinpath(ANSWERS_FILE).read_text(encoding="utf-8"))
    return answers


def update(project: Project, **answers: str) -> None:
    """Update a project to the newest release, in this process."""
    copier.run_update(project.folder, answers, defaults=True, overwrite=True, quiet=True)
