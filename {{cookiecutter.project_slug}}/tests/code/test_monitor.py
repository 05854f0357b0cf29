"""The monitor: from the log to the page, to whoever is told, and to the exit code."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from answered import HOSTILE, HOUR, change, entries, logged, strange, told, unseen, wrong

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.cli import main
from {{ cookiecutter.package_name }}.model.persistence import BundleError
from {{ cookiecutter.package_name }}.monitoring import agreement, monitor
from {{ cookiecutter.package_name }}.monitoring.alerts import LOG, STATE, Undelivered
from {{ cookiecutter.package_name }}.monitoring.finding import Finding
from {{ cookiecutter.package_name }}.monitoring.monitor import Outcome, monitored
from {{ cookiecutter.package_name }}.monitoring.page import Seen, page, table
from {{ cookiecutter.package_name }}.operations import Monitoring
from {{ cookiecutter.package_name }}.pipeline.due import due
from {{ cookiecutter.package_name }}.prediction_log import read
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.sections import Limits
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the run project without a log, to change."""
    left_out = shutil.ignore_patterns("monitoring", "predictions")
    return Path(shutil.copytree(root, tmp_path / "project", symlinks=True, ignore=left_out))


@pytest.fixture
def now(root: Path) -> dt.datetime:
    """Two hours after the model was promoted."""
    when = (root / registry.FOLDER / registry.CURRENT).stat().st_mtime
    return dt.datetime.fromtimestamp(when, dt.UTC) + 2 * HOUR


def filled(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime, rows: pd.DataFrame, truth: Any = None
) -> list[str]:
    """The project's log, with answers to rows and, for the last 60 of them, labels."""
    ids = logged(copy, settings, predictor, entries(predictor, rows, now))
    right = rows[settings.data.target] if truth is None else pd.Series(truth, rows.index)
    told(copy, settings, ids[-60:], right.tolist()[-60:], now - 0.05 * HOUR)
    return ids


def named(outcome: Outcome) -> dict[str, Finding]:
    """Findings by their names, each of which is there once."""
    assert len({one.name for one in outcome.findings}) == len(outcome.findings)
    return {one.name: one for one in outcome.findings}


def test_rows_like_those_of_the_training_alarm_about_nothing_but_chance(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime
) -> None:
    """All of it is looked at; what the model and the machine owe is in order."""
    filled(copy, settings, predictor, now, unseen(copy, settings))
    found = named(monitored(settings, copy, now))

    assert {"absence", "burst", "repeats", "replay", "model", "labels", "score: all"} <= set(found)
    assert [] == [name for name, one in found.items() if one.alarm and one.kind in ("traffic", "staleness", "quality")]
    assert any(one.figures.get("effect") is not None for one in found.values() if one.kind == "drift")


def test_what_drifted_and_what_was_lost_is_told_and_asks_for_a_run(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime
) -> None:
    """By a page, by JSON for machines, and by what `due` reads."""
    rows = unseen(copy, settings)
    column, measure, value = strange(rows, settings)
    filled(copy, settings, predictor, now, rows.assign(**{column: value}), wrong(rows[settings.data.target]))
    outcome = monitored(settings, copy, now)
    found = named(outcome)

    assert (True, True) == (found[f"drift of {column}: {measure}"].alarm, found["score: all"].alarm)
    told_ = json.loads((copy / "monitoring" / "report.json").read_text(encoding="utf-8"))
    assert (1, outcome.model, len(outcome.alarms)) == (told_["format"], told_["model"], told_["alarms"])
    assert [one.name for one in outcome.findings] == [one["name"] for one in told_["findings"]]
    assert len(rows) == sum(told_["answers_by_hour"].values())
    text = outcome.page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert (value == HOSTILE) == ("&lt;script&gt;" in text)
    assert all(title in text for title in ("Quality over time", "Answers", f"{column}: {measure}", "what good looks like"))
    asked = due(settings, copy, now + 30 * HOUR, only=["drift", "quality"])
    assert ("drift", "quality") == asked.reasons
    assert found["score: all"].sentence in asked.why


def test_an_alarm_is_told_once_and_so_is_its_end(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime
) -> None:
    """And the next window does not know of it."""
    first = monitored(settings, copy, now + 48 * HOUR)
    again = monitored(settings, copy, now + 49 * HOUR)
    filled(copy, settings, predictor, now + 50 * HOUR, unseen(copy, settings))
    over = monitored(settings, copy, now + 50 * HOUR)

    assert [("alarm", "absence")] == [(alert.event, alert.name) for alert in first.told]
    assert () == again.told
    assert ("resolved", "absence") in [(alert.event, alert.name) for alert in over.told]
    lines = (copy / "monitoring" / LOG).read_text(encoding="utf-8").splitlines()
    assert 1 + len(over.told) == len(lines)


@pytest.mark.parametrize(("hours", "alarm"), [(0, False), (48, True)])
def test_a_log_that_is_empty_is_quiet_until_it_should_not_be(
    copy: Path, settings: Settings, now: dt.datetime, hours: float, alarm: bool
) -> None:
    """What can be looked at is, and a page is there."""
    outcome = monitored(settings, copy, now + hours * HOUR)
    found = named(outcome)

    assert alarm == found["absence"].alarm == bool(outcome.alarms)
    assert {"absence", "score: labels", "model"} <= set(found)
    assert "no answer was ever logged" in outcome.page.read_text(encoding="utf-8")


def test_a_look_back_tells_nobody(copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime) -> None:
    """Its page lies by itself; what is open, and what `due` reads, stays as it was."""
    filled(copy, settings, predictor, now, unseen(copy, settings).head(120))
    monitored(settings, copy, now)
    before = {path: path.read_bytes() for path in (copy / "monitoring").glob("*.*")}
    outcome = monitored(settings, copy, now - 30 * 24 * HOUR, look_back=True)

    assert before == {path: path.read_bytes() for path in (copy / "monitoring").glob("*.*")}
    assert ("looks", ()) == (outcome.page.parent.parent.name, outcome.told)
    assert ["report.html", "report.json"] == sorted(path.name for path in outcome.page.parent.iterdir())


def test_a_webhook_that_is_out_stops_nothing(copy: Path, settings: Settings, now: dt.datetime) -> None:
    """All is written; the alert waits, and why is told."""
    rules = settings.monitoring.model_copy(update={"alerts": ("file", "webhook"), "webhook": "NO_SUCH_URL"})
    outcome = monitored(settings.model_copy(update={"monitoring": rules}), copy, now + 48 * HOUR, environment={})

    assert isinstance(outcome.undelivered, Undelivered)
    files = {"report.html", "report.json", "state.json", LOG, STATE}
    assert files <= {path.name for path in (copy / "monitoring").iterdir()}
    assert 1 == len(json.loads((copy / "monitoring" / STATE).read_text(encoding="utf-8"))["waiting"])


def test_private_columns_are_not_missed(copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime) -> None:
    """They are not in the log; the other columns are watched all the same."""
    column = (*settings.columns.categories, *settings.columns.names)[0]
    limits = {**predictor.bundle.card.limits, column: Limits(pii=True)}
    card = predictor.bundle.card.model_copy(update={"limits": limits})
    secretive = replace(predictor, bundle=replace(predictor.bundle, card=card))
    filled(copy, settings, secretive, now, unseen(copy, settings))
    found = named(monitored(settings, copy, now))

    watched = [name for name in settings.columns.numbers if f"drift of {name}: distribution" in found]
    assert [f"drift of {column}: values"] == [name for name in found if name.startswith(f"drift of {column}:")]
    assert [name for name in settings.columns.numbers if name != column] == watched


def test_a_model_without_a_reference_is_watched_for_the_rest(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was trained before there were any; that is told."""

    def none(folder: Path) -> None:
        raise BundleError("model v0 keeps no reference")

    monkeypatch.setattr(monitor, "reference_of", none)
    filled(copy, settings, predictor, now, unseen(copy, settings).head(120))
    found = named(monitored(settings, copy, now))

    assert (False, "model v0 keeps no reference") == (found["drift: reference"].alarm, found["drift: reference"].sentence)
    assert "score: all" in found


def test_an_answer_that_comes_out_otherwise_is_an_alarm(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime
) -> None:
    """One of a hundred, of which the probability was another one when it was logged."""
    added = entries(predictor, unseen(copy, settings).head(100), now)
    other = replace(added[40], answer={**added[40].answer, "probability": 0.123})
    ids = logged(copy, settings, predictor, [*added[:40], other, *added[41:]])
    log = read(copy / settings.logging.folder)
    folder = copy / settings.logging.folder
    (found,) = agreement.replayed(log, predictor.bundle, folder)
    (fine,) = agreement.replayed(log.drop(index=40), predictor.bundle, folder)

    assert (True, 1, 100) == (found.alarm, found.figures["others"], found.figures["answers"])
    assert f"of {ids[40]} the probability was 0.123, and is " in found.sentence
    assert (False, 0) == (fine.alarm, fine.figures["others"])
    assert [] == agreement.replayed(log[:0], predictor.bundle, folder)


def test_segments_that_the_router_no_longer_finds_out_are_an_alarm(
    copy: Path, settings: Settings, predictor: Predictor, now: dt.datetime
) -> None:
    """Dealt out to other people, they mean nothing; a single model routes nothing."""
    rows, segment, folder = unseen(copy, settings), settings.data.segment, copy / settings.logging.folder
    ids = logged(copy, settings, predictor, entries(predictor, rows, now))
    mixed = rows.assign(**{segment: rows[segment].sample(frac=1, random_state=0).to_numpy()}) if segment else rows
    others = logged(copy, settings, predictor, entries(predictor, mixed, now))
    log = read(folder)
    parts = [log[log["id"].isin(some)] for some in (ids, others)]
    found = [agreement.routed(part, predictor.bundle, folder, Monitoring(), 0.95) for part in parts]

    expected = [[False], [True]] if hasattr(predictor.bundle.pipeline[-1], "routes_") else [[], []]
    assert expected == [[one.alarm for one in some] for some in found]
    assert [] == agreement.routed(parts[1].head(99), predictor.bundle, folder, Monitoring(), 0.95)


def test_without_a_model_there_is_nothing_to_monitor(tmp_path: Path, settings: Settings, now: dt.datetime) -> None:
    """And nothing is written."""
    with pytest.raises(
        Refusal, match="no model is promoted, so nothing answers that could be monitored; train one with `make run`"
    ):
        monitored(settings, tmp_path, now)

    assert [] == list(tmp_path.iterdir())


def test_alarms_stand_first_in_the_table() -> None:
    """In bold, with words for what good looks like beside every finding there is."""
    findings = [Finding("traffic", "absence", False, "lately"), Finding("quality", "score: all", True, "worse")]
    made = table(
        [*findings, Finding("drift", "drift of x: words", True, "other"), Finding("staleness", "store: v", False, "new")]
    )

    assert ["score: all", "drift of x: words", "absence", "store: v"] == [row[0] for row in made.rows]
    assert {"score: all", "drift of x: words"} == made.bold
    assert all(row[3] for row in made.rows)


def test_the_page_of_nothing_is_one(now: dt.datetime) -> None:
    """No answers, no labels, no reference."""
    counts = pd.Series([0, 0], pd.DatetimeIndex([now - HOUR, now]))
    text = page("v1", now - HOUR, now, [], Seen(counts, [], None, pd.DataFrame(), pd.DataFrame()), "log_loss")

    assert "No alarm, of 0 things looked at: model v1" in text
    assert 1 == text.count("<figure>")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("yesterday", "error: --at is 'yesterday', expected a time such as 2026-05-01T12:00:00Z"),
        ("2999-01-01", "error: --at is '2999-01-01', which is still to come; give a time that has passed"),
    ],
)
def test_a_time_that_is_none_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch, at: str, expected: str) -> None:
    """Before anything is looked at."""
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["{{ cookiecutter.project_slug }}", "monitor", "--at", at])
    with pytest.raises(SystemExit) as refused:
        main()

    assert expected == refused.value.code


def test_the_command_tells_by_its_exit_code(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 is quiet, 3 an alarm, which is told as such once; an alert that is not taken is an error after all else."""
    monkeypatch.chdir(copy)
    monkeypatch.setattr("sys.argv", ["{{ cookiecutter.project_slug }}", "monitor"])
    loud: dict[str, Any] = {"absence_hours": 1e-9}
    out = {"alerts": ["stdout", "webhook"], "webhook": "NO_URL", "max_model_days": 1e-9}
    codes: list[object] = []
    for changed in ({}, loud, loud, out):
        change(copy, "monitoring", **changed)
        with pytest.raises(SystemExit) as left:
            main()
        codes.append(left.value.code)

    assert [0, 3, 3] == codes[:3]
    assert str(codes[3]).startswith("error: monitoring.alerts has a webhook, and the environment variable NO_URL is not set;")
    lines = capsys.readouterr().out.splitlines()
    assert ["alarm", "still", "still", "alarm"] == [line.split(":")[0] for line in lines if not line.startswith("model")]
    assert 4 == sum(str(Path("monitoring", "report.html")) in line for line in lines)


def test_a_schedule_sees_the_exit_code(copy: Path) -> None:
    """Of a process, which starts, says one line and ends."""
    (copy / registry.FOLDER / registry.CURRENT).touch()
    command = [sys.executable, "-m", monitor.__name__.split(".")[0], "monitor"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)

    assert (0, "", 1) == (done.returncode, done.stderr, len(done.stdout.splitlines()))
