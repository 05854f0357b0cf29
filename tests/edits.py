"""What owners do to a project between two updates: ordinary edits, which an update goes round, and heavy ones."""

import re
import subprocess
import sys
from pathlib import Path

from mutants import replaced
from project import Project

OWNERS = ("CHANGELOG.md", "README.md", "settings.toml")  # and, of the package, these:
OWNERS_IN_PACKAGE = ("__init__.py", "features.py")
DELETED = (".pre-commit-config.yaml", "CHANGELOG.md")
GONE = ("src/*/report/decided.py", ".editorconfig")  # what the next releases rename and remove
HERE = "    # Yours stand below; an update adds its own above.\n"

OWN_FUNCTION = '''

def label(name: str) -> str:
    """How a name is shown."""
    return name.title()
'''
OWN_VIEW = '''
VISITS = FeatureView(
    name="visits",
    entity="user_id",
    sql="""
        SELECT
            user_id,
            watched_at AS event_time,
            logged_at AS created_time,
            minutes AS last_minutes
        FROM activity
    """,
    features=(Feature("last_minutes", "float", "Time watched in the last session", unit="min"),),
    description="What a user watched last",
    owner="grace@example.com",
)

VIEWS = (WATCHING, VISITS)
'''
OWN_STEP = '''"""Notice: one sentence on what was decided, for those who read no report."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from ..settings import Settings


@attrs.frozen
class Notice:
    """What is told."""

    promoted: bool


def run(settings: Settings, out: Path, promote: Path) -> None:
    """Write `notice.json`."""
    decision = json.loads((promote / "decision.json").read_text(encoding="utf-8"))
    (out / "notice.json").write_text(json.dumps(attrs.asdict(Notice(bool(decision["promoted"])))), encoding="utf-8")
'''
OWN_TEST = '''"""The owner's own test."""

from __future__ import annotations

import json
from pathlib import Path


def test_notice_says_what_was_decided(root: Path) -> None:
    """As the decision does."""
    notice = json.loads((root / "artifacts" / "notice" / "notice.json").read_text(encoding="utf-8"))

    assert notice == {"promoted": True}
'''


def nothing(project: Project) -> None:
    """A project that nobody has touched."""


def ordinary(project: Project) -> None:
    """What every owner does: own words, values, views, a dependency, a step, tests, a runner; and two files less."""
    add_dependencies(project.folder)
    for pipelines in project.folder.glob(".gitlab-ci.yml"):
        rewrite(pipelines, "^  # Yours stand here.*\n", r"\g<0>  tags: [gpu]\n")
    replaced('version = "0.1.0"', 'version = "0.2.0"')(project.folder / "pyproject.toml")
    for workflow in project.folder.glob(".github/workflows/*.yml"):
        rewrite(workflow, "runs-on: .*?( #.*)?$", r"runs-on: [self-hosted, gpu]\1")
    rewrite(project.folder / "README.md", r"\A# .*\n", r"\g<0>\nAsk Grace.\n")
    project.edit_settings(("^seed = .*", "seed = 8 # ours"), ("{ demo = 16000 }", "{ demo = 12000 }"))
    add(project.folder / "Makefile", "\nlines: ## count lines\n\twc -l src/*/*.py\n")
    add(project.folder / ".gitignore", "/notebooks/out/\n")
    package = project.folder / "src" / project.package
    add(package / "__init__.py", OWN_FUNCTION)
    replaced("\nVIEWS = (WATCHING,)\n", OWN_VIEW)(package / "features.py")
    add_step(package / "pipeline")
    (project.folder / "tests/code/test_notice.py").write_text(OWN_TEST)
    for name in DELETED:
        (project.folder / name).unlink(missing_ok=True)
    print_stages(project)


def heavy(project: Project) -> None:
    """Ordinary edits, and besides the lines rewritten that the next releases rewrite, and what they rename and remove."""
    ordinary(project)
    package = project.folder / "src" / project.package
    rewrite(
        project.folder / "pyproject.toml", r'^(  "[\w-]+>=[\d.]+)(",\n(  "packaging.*\n)?  # Yours stand below\.)', r"\1,<99\2"
    )
    for workflow in project.folder.glob(".github/workflows/*.yml"):
        rewrite(workflow, r"timeout-minutes: .*", "timeout-minutes: 90")
    rewrite(project.folder / "Makefile", r"run pytest\b(.*)", r"run pytest --maxfail=3\1")
    rewrite(project.folder / ".gitignore", r"\.env\n", ".env*\n")
    rewrite(package / "pipeline/steps.py", r'"report", needs=(.*), settings=', r'"report", \1, ')
    move_mermaid(package / "pipeline/steps.py")
    for name in GONE:
        for path in project.folder.glob(name):
            add(path, "# ours\n")


def rewrite(path: Path, before: str, after: str) -> None:
    """Other text in the place of each that fits; one does."""
    text, count = re.subn(before, after, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count, f"{path} has no {before!r}"
    path.write_text(text, encoding="utf-8")


def add(path: Path, text: str) -> None:
    """More at the end of a file."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def add_dependencies(folder: Path) -> None:
    """As owners do, with uv."""
    uv = str(Path(sys.executable).with_name("uv"))
    for words in (["attrs>=25"], ["--group", "train", "networkx>=3"], ["--dev", "narwhals>=2"]):
        command = [uv, "add", "--quiet", "--offline", "--frozen", "--python", sys.executable, *words]
        subprocess.run(command, cwd=folder, check=True)


def add_step(pipeline: Path) -> None:
    """A file, and an entry."""
    (pipeline / "notice.py").write_text(OWN_STEP)
    replaced(HERE, HERE + '    Step("notice", needs=("promote",)),\n')(pipeline / "steps.py")


def move_mermaid(steps: Path) -> None:
    """The function that draws, to where the steps are defined."""
    text = steps.read_text(encoding="utf-8")
    start = text.index("def mermaid(")
    steps.write_text(text[:start].rstrip("\n") + "\n", encoding="utf-8")
    replaced("\n\nSTEPS = (", "\n\n" + text[start:].rstrip("\n") + "\n\n\nSTEPS = (")(steps)


def print_stages(project: Project) -> None:
    """DVC's file, anew from the steps, where there is one."""
    path = project.folder / "dvc.yaml"
    if path.exists():
        path.write_text(project.warm(f"{project.package}.pipeline.stages"), encoding="utf-8")


EDITS = {edit.__name__: edit for edit in (nothing, ordinary, heavy)}


def owners(project: Project) -> set[str]:
    """The files that are the owner's."""
    return {*OWNERS, *(f"src/{project.package}/{name}" for name in OWNERS_IN_PACKAGE)}
