"""Every variant runs: its pipeline, a batch, a request; some, their own tests. What is equal in two variants runs once."""

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, Record, Render, Rendered
from filelock import FileLock
from passes import ALONE, AT_A_CORNER, THE_CORNER, assert_passes, only, options
from project import Project
from server import serving
from variants import DEFAULTS, SUPPORTED, Answers, each_engine, name_of, pairs_of

FILES = tomllib.loads(Path(__file__).with_name("files.toml").read_text(encoding="utf-8"))
TOLD = {
    "Dockerfile",
    "Makefile",
    "README.md",
    "docs/index.md",
    "docs/tutorial.md",
    "pyproject.toml",
}  # they have a line for nearly every answer
MAY_DIFFER = {
    "orchestrator": TOLD | {".dockerignore", ".gitignore", "src/next_pick/pipeline/engine.py"},
    "serving": TOLD | {"docs/code.md", "docs/runbook.md", "settings.toml"},
    "ci": {"ci.mk", "docs/ci.md"},
}
# What a project's own tests read depends on the answers to these. They are run where each answer meets each other one: for all
# sixteen combinations they took a fifth of the whole run.
READ_BY_TESTS = pairs_of("modalities", "model", "feature_store")
FEW_ROWS = "demo = 1600"  # per demo table: enough for a model to beat the dummy beyond chance, by numbers and categories alone


def test_variant_runs(variant: Answers, rendered: Rendered, shared: Path, tmp_path: Path, record_property: Record) -> None:
    """In a folder that holds its runtime files and nothing else, so that a variant with equal files can't run otherwise.

    An engine brings files of its own; without them, the variant is the one with the default engine, and runs as that. A server
    does so too: what a batch project tests, its sibling with a server tests as well, on the same files. Where its workflows run
    changes nothing that a project reads.
    """
    anywhere = variant | {"ci": DEFAULTS["ci"]}
    by_default = anywhere | {"orchestrator": DEFAULTS["orchestrator"]}
    tested = by_default | {"serving": DEFAULTS["serving"]}
    assert_equal_but_for("ci", rendered(variant), rendered(anywhere))
    assert_equal_but_for("orchestrator", rendered(anywhere), rendered(by_default))
    assert_equal_but_for("serving", rendered(by_default), rendered(tested))
    assert tomllib.loads(settings(rendered(tested))).items() >= tomllib.loads(settings(rendered(by_default))).items()

    if any(tested.items() >= answers.items() for answers in READ_BY_TESTS):
        shared_pass("tests", assert_own_tests_pass, rendered(tested), tmp_path, shared)
    record_property("runtime", shared_pass("runs", assert_runs, rendered(by_default), tmp_path, shared))
    record_property("run", name_of(variant))


def settings(project: Project) -> str:
    """The text of its settings."""
    return (project.folder / "settings.toml").read_text(encoding="utf-8")


def assert_equal_but_for(question: str, one: Project, other: Project) -> None:
    """Two projects differ in files that an answer to the question brings, or whose lines about it no step reads and no test."""
    ours, theirs = one.files(), other.files()
    differ = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
    answers = {f"{question} = {answer}" for answer in SUPPORTED[question]}
    brought = {name for name, reasons in FILES["with"].items() if answers & set(reasons)}

    assert differ <= brought | MAY_DIFFER[question]
    assert options(ours) == options(theirs)
    assert pictures(ours["README.md"]) == pictures(theirs["README.md"])


def pictures(text: bytes) -> list[bytes]:
    """What a page shows as a diagram."""
    return re.findall(rb"^```mermaid\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shared_pass(what: str, holds: Callable[[Project, Path], None], of: Project, place: Path, shared: Path) -> str:
    """What holds for a project with the same runtime files is asked once; returns their digest."""
    runtime = of.runtime()
    digest = sha256(repr(sorted(runtime.items())).encode()).hexdigest()
    passed = shared / f"{digest}.{what}"
    with FileLock(f"{passed}.lock"):
        if not passed.exists():
            holds(only(runtime, of, place / what), shared)
            passed.touch()
    return digest


def assert_own_tests_pass(project: Project, shared: Path) -> None:
    """All of them, some only where no project passed them that is the same in all that they look for, some at a corner."""
    alone = [test for test in ALONE if (project.folder / test).exists()]
    for test in alone:
        assert_passes(test, project, shared)
    left = alone if project.answers.items() >= THE_CORNER.items() else [*alone, *AT_A_CORNER]
    project.warm("pytest", "-q", "-p", "no:cacheprovider", *(f"--ignore={test}" for test in left))


def assert_runs(project: Project, _: Path) -> None:
    """On few rows its pipeline promotes a model, which answers every row of a batch and any request."""
    project.edit_settings((r"demo = \d+", FEW_ROWS))
    project.warm(project.package, "run")
    raw = project.folder / "artifacts" / "ingest" / "requests.parquet"
    project.warm(project.package, "score", str(raw), "answers.parquet")
    rows, answers = pd.read_parquet(raw), pd.read_parquet(project.folder / "answers.parquet")

    assert rows["user_id"].tolist() == answers["user_id"].tolist()
    assert answers["prediction"].notna().all()
    if (project.folder / "src" / project.package / "serving" / "app.py").exists():
        assert_serves(project, rows.head(20), answers.head(20))


def assert_serves(project: Project, rows: pd.DataFrame, answers: pd.DataFrame) -> None:
    """The server answers rows, sent as JSON, as the batch answered them."""
    promoted = json.loads((project.folder / "models" / "current.json").read_text(encoding="utf-8"))["version"]
    card = json.loads((project.folder / "models" / promoted / "card.json").read_text(encoding="utf-8"))
    fields = {"user_id", card["data"]["segment"], *(name for names in card["columns"].values() for name in names)}
    sent = rows[sorted(fields & set(rows))].to_dict("records")
    for row in sent:
        row.update({name: b64encode(value).decode() for name, value in row.items() if isinstance(value, bytes)})
    with serving(project) as server:
        served = server.ask("/predict", json.loads(pd.DataFrame(sent).to_json(orient="records", double_precision=15)))[
            "answers"
        ]

    assert answers["prediction"].tolist() == [answer["prediction"] for answer in served]
    assert answers["probability"].tolist() == pytest.approx([answer["probability"] for answer in served], abs=1e-9)


@pytest.mark.slow
def test_demo_shows_what_it_is_for(render: Render) -> None:
    """On the demo data the cascade beats the single model, and each modality taken away costs accuracy and log-loss."""
    project = render("copier")

    project.with_libraries("python", str(ROOT / "bench" / "demo.py"), "--project", ".", "--seeds", "1")


@pytest.mark.slow
def test_server_answers(render: Render) -> None:
    """A server is unready without a model and says why, answers once there is one, and stops when told to."""
    project = render("copier")
    with serving(project) as server:
        assert "no model is promoted" in server.ask("/ready", expect=503)["reason"]
    project.warm(project.package, "run")
    with serving(project) as server:
        assert "ready" == server.ask("/ready")["status"]
        answer = server.ask("/predict", {"user_id": 7, "hour": 21, "device": "tv"})["answers"][0]

        words = {"prediction", "probability", "route", "route_probability", "route_source", "missing", "unseen"}
        assert words | {"prediction_id", "user_id", "model"} == answer.keys()
        assert ("text, image", None) == (answer["missing"], answer["unseen"])
        assert "'hr' is no known field" in server.ask("/predict", {"user_id": 7, "hr": 21}, expect=422)["detail"]


@pytest.mark.parametrize("answers", each_engine(), ids=name_of)
def test_engine_runs(answers: Answers, render: Render) -> None:
    """By it, the pipeline promotes a model, then finds nothing to do; its own tests run where a project is installed."""
    project = render("copier", **answers)
    project.edit_settings((r"demo = \d+", FEW_ROWS))
    first, second = project.with_libraries("next-pick", "run"), project.with_libraries("next-pick", "run")
    steps = [path.parent.name for path in (project.folder / "artifacts").glob("*/manifest.json")]

    assert 9 == len(steps)
    assert [(f"{step}: done in" in first, f"{step}: unchanged" in second) for step in steps] == [(True, True)] * 9
    assert json.loads((project.folder / "models" / "current.json").read_text(encoding="utf-8"))["version"]
