"""The trial of a second model: better, worse or undecided, and never by chance."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answered import HOUR, entries, logged, told, unseen

from {{ cookiecutter.package_name }} import cli
from {{ cookiecutter.package_name }}.monitoring.trial import STOPPED, Trial, stopped, trial, trials
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2026, 5, 8, 12, tzinfo=dt.UTC)


def answers(model: str, variant: str, right: np.ndarray, keys: Any = None, milliseconds: float = 5.0) -> pd.DataFrame:
    """A request each, of different people, answered rightly or not; the truth is always "yes"."""
    rows = range(len(right))
    said = [{"prediction": "yes" if hit else "no"} for hit in right]
    told = {"at": NOW, "model": model, "variant": variant, "milliseconds": milliseconds, "route": None}
    columns = {"id": [f"{variant}-{row}" for row in rows], "request": [f"r{row}" for row in rows], "key": keys or list(rows)}
    return pd.DataFrame({**columns, **told, "answer": said, "inputs": [{}] * len(right), "masked": [[]] * len(right)})


def tried(predictor: Predictor, settings: Settings, *parts: pd.DataFrame, variant: Any = "shadow", **rules: Any) -> Trial:
    """What is known of v2 beside v1, by accuracy, once every answer that was given has its label."""
    gate = settings.gate.model_copy(update={"metric": "accuracy", **rules})
    card = predictor.bundle.card.model_copy(update={"classes": ("no", "yes")})
    bundles = [replace(predictor.bundle, card=card.model_copy(update={"version": version})) for version in ("v1", "v2")]
    log = pd.concat(parts, ignore_index=True)
    given = log[log["variant"] != "shadow"]
    known = given[["id"]].assign(label="yes", labelled_at=NOW)
    return trial(log, known, (bundles[0], bundles[1]), variant, settings.model_copy(update={"gate": gate}), Path())


def hits(share: float, rows: int = 400, seed: int = 0) -> np.ndarray:
    """So many rights."""
    return np.random.default_rng(seed).random(rows) < share


def test_a_shadow_is_compared_answer_by_answer(predictor: Predictor, settings: Settings) -> None:
    """Better in 20 of 400 and worse in none is beyond chance; of two samples of such sizes it would not be."""
    champion = hits(0.6)
    better = champion | (np.arange(400) < 50)
    assert 10 < (better & ~champion).sum() < 30
    parts = answers("v1", "champion", champion), answers("v2", "shadow", better)
    apart = answers("v1", "champion", champion), answers("v2", "candidate", better, list(range(1000, 1400)))
    paired, two = tried(predictor, settings, *parts), tried(predictor, settings, *apart, variant="candidate")

    assert paired.gain is not None
    assert two.gain is not None
    assert paired.gain.value == pytest.approx(two.gain.value)
    assert paired.gain.low > 0 > two.gain.low
    assert paired.verdict == f"model v2 is better beyond chance, by {paired.gain}: `models promote v2`"
    assert two.verdict == f"undecided: chance explains a gain of {two.gain} on 400 and 400 labelled answers; wait for more"


@pytest.mark.parametrize(("share", "expected"), [(0.8, "is better beyond chance"), (0.6, "undecided"), (0.4, "is worse")])
def test_a_candidate_is_better_worse_or_undecided(
    predictor: Predictor, settings: Settings, share: float, expected: str
) -> None:
    """Beside a model that is right in .6; what is to be done stands behind it."""
    parts = answers("v1", "champion", hits(0.6)), answers("v2", "candidate", hits(share, seed=1), list(range(1000, 1400)))
    found = tried(predictor, settings, *parts, variant="candidate")

    assert expected in found.verdict
    assert ("take it back, with serving.candidate.version empty" in found.verdict) == (share == 0.4)


def test_it_must_be_better_by_what_the_gate_asks(predictor: Predictor, settings: Settings) -> None:
    """Beyond chance, or it is undecided."""
    parts = answers("v1", "champion", hits(0.6)), answers("v2", "candidate", hits(0.8, seed=1), list(range(1000, 1400)))

    assert "undecided" in tried(predictor, settings, *parts, variant="candidate", min_gain=0.2).verdict


def test_two_models_of_one_worth_are_seldom_parted(predictor: Predictor, settings: Settings) -> None:
    """Of 50 trials at most a tenth, at a confidence of .95, however the people differ in how many answers they asked for."""
    keys = [int(key) for key in np.random.default_rng(1).integers(0, 40, 200)]

    def decided(seed: int) -> bool:
        own, other = (np.repeat(hits(0.6, 40, 2 * seed + side), 1)[keys] for side in (0, 1))
        parts = answers("v1", "champion", own, keys), answers("v2", "candidate", other, [key + 1000 for key in keys])
        return "undecided" not in tried(predictor, settings, *parts, variant="candidate").verdict

    assert sum(decided(seed) for seed in range(50)) <= 5


def test_few_labels_decide_nothing(predictor: Predictor, settings: Settings) -> None:
    """On either side; how many there are is told."""
    parts = answers("v1", "champion", hits(0.6)), answers("v2", "candidate", hits(1.0, 49), list(range(1000, 1049)))
    found = tried(predictor, settings, *parts, variant="candidate")

    assert found.gain is None
    assert found.verdict.startswith("undecided: labelled answers that can be scored: 400 and 49; monitoring.min_labels = 50")
    empty = tried(predictor, settings, parts[0], answers("v2", "candidate", hits(1.0, 1))[:0], variant="candidate")
    assert [400, 0] == [side.labels for side in empty.sides]
    assert empty.sides[1].score is None


def test_answers_of_other_models_and_parts_are_left_out(predictor: Predictor, settings: Settings) -> None:
    """Those of a champion before this one, and of the second model in its other part."""
    parts = answers("v1", "champion", hits(0.6)), answers("v2", "shadow", hits(0.6, seed=1))
    others = answers("v0", "champion", hits(0.0)), answers("v2", "candidate", hits(0.0)), answers("v3", "shadow", hits(0.0))

    assert [400, 400] == [side.answers for side in tried(predictor, settings, *parts, *others).sides]


def test_the_rows_of_a_request_are_paired_in_their_order(predictor: Predictor, settings: Settings) -> None:
    """Also those of one person, or of people whose keys are private; a row that the shadow did not answer has no pair."""
    right = np.arange(120) % 3 > 0
    for keys in ([1] * 120, [None] * 120, [number % 2 for number in range(120)]):
        own, other = (answers(model, part, right, keys) for model, part in (("v1", "champion"), ("v2", "shadow")))
        both = [part.assign(request="one") for part in (own, other)]
        found = tried(predictor, settings, both[0], both[1])
        assert found.gain is not None
        assert (0, 0, 0) == (found.gain.value, found.gain.low, found.gain.high)

    lost = tried(predictor, settings, answers("v1", "champion", right), answers("v2", "shadow", right)[:-20])
    assert [100, 100] == [side.labels for side in lost.sides]


def test_how_long_they_took_is_told(predictor: Predictor, settings: Settings) -> None:
    """In the middle, and in 19 of 20 cases."""
    slow = answers("v2", "shadow", hits(0.6), milliseconds=40.0)
    slow.loc[:99, "milliseconds"] = 400.0
    sides = tried(predictor, settings, answers("v1", "champion", hits(0.6)), slow).sides

    assert [(5.0, 5.0), (40.0, 400.0)] == [(side.middle_ms, side.p95_ms) for side in sides]


def test_a_model_that_a_server_stopped_is_told(tmp_path: Path) -> None:
    """Of its own version alone; what cannot be read is refused."""
    assert stopped(tmp_path, "v2") is None
    (tmp_path / STOPPED).write_text('{"version": "v2", "why": "9 of its last 20 answers failed"}', encoding="utf-8")

    assert ("9 of its last 20 answers failed", None) == (stopped(tmp_path, "v2"), stopped(tmp_path, "v3"))
    (tmp_path / STOPPED).write_text('{"version": ', encoding="utf-8")
    with pytest.raises(Refusal, match="cannot be read, expected version and why as JSON; take it away to try the model again"):
        stopped(tmp_path, "v2")


def test_the_log_of_a_project_is_read(
    root: Path, settings: Settings, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both parts that a second model has played; what was before it was tried does not count."""
    copy = Path(shutil.copytree(root, tmp_path / "p", symlinks=True, ignore=shutil.ignore_patterns("predictions")))
    rows = unseen(copy, settings).sample(180, replace=True, random_state=0, ignore_index=True)  # some projects test few
    before, during = entries(predictor, rows.head(60), NOW - 30 * HOUR), entries(predictor, rows.tail(120), NOW)
    ours, mine = during[1::2], [replace(one, model="v2", variant="candidate") for one in during[::2]]
    shadow = [replace(one, model="v2", variant="shadow") for one in ours]
    truth = rows[settings.data.target].tolist()
    ids = logged(copy, settings, predictor, [*before, *ours, *mine])
    logged(copy, settings, predictor, shadow)
    told(copy, settings, ids, [*truth[:60], *truth[61::2], *truth[60::2]], NOW)
    other = replace(predictor.bundle, card=predictor.bundle.card.model_copy(update={"version": "v2"}))
    candidate, hidden = trials(settings, copy, predictor.bundle, other, NOW)

    assert ("candidate", "shadow") == (candidate.variant, hidden.variant)
    assert [60, 60] == [side.labels for side in hidden.sides]
    assert hidden.gain is not None
    assert (0, 0, 0) == (hidden.gain.value, hidden.gain.low, hidden.gain.high)
    assert [60, 60] == [side.answers for side in hidden.sides] == [side.answers for side in candidate.sides]
    assert candidate.gain is not None
    assert candidate.gain.low < 0 < candidate.gain.high


def test_the_command_says_what_is_missing(
    root: Path, settings: Settings, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second model, or an answer of it."""
    monkeypatch.chdir(root)
    told = []
    for words in ([], [predictor.bundle.card.version]):
        monkeypatch.setattr("sys.argv", ["{{ cookiecutter.project_slug }}", "models", "trial", *words])
        with pytest.raises(SystemExit) as refused:
            cli.main()
        told.append(str(refused.value))

    assert told[0].startswith("error: no second model is tried: settings.toml names none in [serving.candidate]")
    assert told[1].startswith(f"error: model {predictor.bundle.card.version} has answered nothing beside another one;")
