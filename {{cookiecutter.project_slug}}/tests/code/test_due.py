"""Due: run or skip, from what lies there and the time that is told."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import cli, registry
from {{ cookiecutter.package_name }}.pipeline.due import MONITORED, due
from {{ cookiecutter.package_name }}.pipeline.freshness import artifacts, last_asked
from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.tables import Table


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the run project, to change; what monitoring left in this one is not in it."""
    left_out = shutil.ignore_patterns("monitoring")
    return Path(shutil.copytree(root, tmp_path / "project", symlinks=True, ignore=left_out))


def after(root: Path, hours: float) -> dt.datetime:
    """So many hours after the run."""
    last = last_asked(STEPS, root)
    assert last is not None
    return last + dt.timedelta(hours=hours)


def monitored(root: Path, **found: str) -> None:
    """Monitoring was here, and found this of the model that answers."""
    state = {"version": registry.current_version(root / registry.FOLDER)} | found
    (root / MONITORED).parent.mkdir()
    (root / MONITORED).write_text(json.dumps(state), encoding="utf-8")


@pytest.mark.parametrize(
    ("hours", "found", "reasons"),
    [
        (0, {}, ()),
        (25, {}, ()),
        (30 * 24, {}, ()),
        (30 * 24 + 1, {}, ("clock",)),
        (25, {"drift": "hour drifted"}, ("drift",)),
        (23, {"drift": "hour drifted"}, ()),
        (25, {"quality": "log_loss rose"}, ("quality",)),
        (23, {"quality": "log_loss rose"}, ()),
        (25, {"quality": "log_loss rose", "version": "another"}, ()),
        (800, {"drift": "hour drifted", "quality": "log_loss rose"}, ("clock", "drift", "quality")),
    ],
)
def test_time_and_what_monitoring_found(
    copy: Path, settings: Settings, hours: float, found: dict[str, str], reasons: tuple[str, ...]
) -> None:
    """Due once the last run is old, or the model that answers now was found wanting, but not right after a run."""
    monitored(copy, **found)

    told = due(settings, copy, after(copy, hours))

    assert (reasons, bool(reasons)) == (told.reasons, told.run)
    assert told.why.startswith("run: " if reasons else "skip")
    assert [True] * len(reasons) == [found.get(reason, "the last run was") in told.why for reason in reasons]


def test_right_after_a_run_the_sentence_says_until_when(copy: Path, settings: Settings) -> None:
    """And what waits."""
    monitored(copy, drift="hour drifted")
    until = after(copy, 24).isoformat(timespec="minutes")

    assert f"skip until {until}, for the last run is that fresh: hour drifted" == due(settings, copy, after(copy, 1)).why


def test_before_the_first_run_it_is_due(tmp_path: Path, settings: Settings) -> None:
    """Nothing else is asked then."""
    told = due(settings, tmp_path, dt.datetime.now(dt.UTC))

    assert (("never",), "run: no run has finished: step ingest is to be done") == (told.reasons, told.why)


def test_new_and_edited_raw_data_are_due_at_once(copy: Path, settings: Settings) -> None:
    """A file that came, one that went, and one whose content is another; a touched one is not."""
    (copy / "raw").mkdir()
    first = copy / "raw" / "a.csv"
    first.write_text("x\n1\n", encoding="utf-8")
    own = settings.model_copy(update={"tables": {"more": Table(path="raw")}})
    (ingest,) = (step for step in STEPS if step.name == "ingest")
    run_step(ingest, own, copy)

    def told() -> str:
        found = due(own, copy, after(copy, 0), only=["data"])
        assert found.run == ("data" in found.reasons)
        return found.why

    first.touch()
    assert "skip: nothing of data asks for a run" == told()
    first.write_text("x\n2\n", encoding="utf-8")
    assert "run: raw/a.csv is not what step ingest read" == told()
    (copy / "raw" / "b.csv").write_text("x\n3\n", encoding="utf-8")
    assert "run: raw/b.csv is new since step ingest ran" == told()


def test_what_changed_is_named(copy: Path, settings: Settings) -> None:
    """A setting, and a file that its step did not write so; both are one run's work."""
    own = settings.model_copy(update={"gate": settings.gate.model_copy(update={"min_gain": 0.001})})

    assert "run: the settings of step promote changed" == due(own, copy, after(copy, 0)).why
    part = artifacts(copy) / "materialize" / "catalog.json"
    part.write_bytes(part.read_bytes() + b"!")
    assert (("changed",), "run: catalog.json is not what step materialize wrote") == (
        due(settings, copy, after(copy, 0)).reasons,
        due(settings, copy, after(copy, 0)).why,
    )


def test_a_reason_that_is_not_asked_for_does_not_count(copy: Path, settings: Settings) -> None:
    """By the settings, or by who asks."""
    monitored(copy, drift="hour drifted")
    never = settings.model_copy(update={"retrain": settings.retrain.model_copy(update={"reasons": ("never",)})})
    late = after(copy, 25)

    assert [True, False, False] == [
        due(settings, copy, late).run,
        due(never, copy, late).run,
        due(settings, copy, late, only=["data"]).run,
    ]


def test_what_cannot_be_read_is_refused(copy: Path, settings: Settings) -> None:
    """Rather than taken for quiet."""
    monitored(copy, drft="hour drifted")

    with pytest.raises(Refusal, match=r"monitoring/state\.json cannot be read, expected version, drift and quality as JSON;"):
        due(settings, copy, after(copy, 25))


def test_the_command_tells_by_its_exit_code(
    copy: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 is for `due && run`, 3 for nothing to do."""
    monkeypatch.chdir(copy)
    monkeypatch.setattr(cli, "project_settings", lambda: settings)
    monkeypatch.setattr("sys.argv", ["{{ cookiecutter.project_slug }}", "due"])
    with pytest.raises(SystemExit) as nothing:
        cli.main()
    shutil.rmtree(artifacts(copy) / "fit")
    with pytest.raises(SystemExit) as something:
        cli.main()

    assert (3, 0) == (nothing.value.code, something.value.code)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "skip: nothing of never, changed, data, clock, drift, quality asks for a run"
    assert second == "run: no run has finished: step fit is to be done"
