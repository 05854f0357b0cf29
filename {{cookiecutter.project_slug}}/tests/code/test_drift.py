"""Drift: what has changed is found and named, and what has not stays quiet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from {{ cookiecutter.package_name }} import bundle, registry
from {{ cookiecutter.package_name }}.data.schema import conform
from {{ cookiecutter.package_name }}.monitoring.drift import drift
from {{ cookiecutter.package_name }}.monitoring.finding import Finding
from {{ cookiecutter.package_name }}.monitoring.page import Seen, page
from {{ cookiecutter.package_name }}.monitoring.shares import Shares, by_label, by_number
from {{ cookiecutter.package_name }}.operations import Monitoring
from {{ cookiecutter.package_name }}.reference import Reference
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.serving.predictor import Predictor

RULES = Monitoring()
COLUMNS = Columns(numbers=("hour", "minutes"), categories=("device",), dates=("joined",))
START = pd.Timestamp("2026-01-05T00:00:00Z")
CITY = "distribution:city"
NEW = 10**6  # from here on entities are others than those of the reference


def rows(count: int, seed: int, first: int = NEW, entities: int | None = None) -> pd.DataFrame:
    """Rows of entities, each of which is like itself: one device, one usual number of minutes, one usual hour."""
    rng = np.random.default_rng([seed, first])
    many = entities or count
    who = rng.integers(many, size=count)
    usual = rng.normal(size=(2, many))
    joined = START + pd.to_timedelta(rng.integers(0, 50 * 24 * 60, size=many), unit="min")
    frame = pd.DataFrame(
        {
            "who": first + who,
            "hour": (14 + 3 * usual[0][who] + rng.normal(0, 0.5, count)).round().clip(0, 23),
            "minutes": np.exp(usual[1][who] + rng.normal(0, 0.2, count)),
            "device": np.array(["phone", "phone", "laptop", "tv"], dtype=object)[rng.integers(4, size=many)][who],
            "joined": joined.as_unit("us")[who],
        }
    )
    return frame.mask(rng.random(frame.shape) < 0.02).assign(who=frame["who"])


def answers(count: int, seed: int, yes: float = 0.5, kids: float = 0.3) -> pd.DataFrame:
    """Predictions, and the specialists that made them."""
    rng = np.random.default_rng([seed, 9])
    return pd.DataFrame(
        {
            "prediction": np.where(rng.random(count) < yes, "yes", "no"),
            "probability": rng.random(count),
            "route": np.where(rng.random(count) < kids, "kids", "adults"),
        }
    )


def made(seed: int) -> Reference:
    """What 1500 rows of 600 entities looked like, and answers to 600 others."""
    test = answers(600, seed)
    learned = Reference.learned(rows(1500, seed, first=0, entities=600), COLUMNS, "who")
    return learned.with_answers(test.assign(**{"p:yes": test["probability"]}), pd.Series(range(600)))


@pytest.fixture(scope="module")
def reference() -> Reference:
    """One of them."""
    return made(0)


def alarms(findings: list[Finding]) -> set[str]:
    """What they alarm about."""
    return {one.name for one in findings if one.alarm}


def test_rows_that_have_not_changed_stay_quiet() -> None:
    """No more windows alarm than were allowed to, as far as fifty can tell; each entity asks five times, and like itself."""
    references = [made(seed) for seed in range(10)]
    looks = [drift(references[i % 10], rows(800, i, entities=160), answers(800, 100 + i), RULES) for i in range(50)]

    assert {"hour", "minutes", "device", "joined", "prediction", "route"} == {one.figures["column"] for one in looks[0]}
    assert stats.binom.ppf(0.99, len(looks), RULES.false_alarms) >= sum(bool(alarms(findings)) for findings in looks)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("hour: distribution", lambda frame: frame.assign(hour=(frame["hour"] + 2).clip(0, 23))),
        ("minutes: distribution", lambda frame: frame.assign(minutes=3 * frame["minutes"])),
        ("minutes: missing", lambda frame: frame.assign(minutes=frame["minutes"].mask(frame.index % 5 == 0))),
        ("device: distribution", lambda frame: frame.assign(device=frame["device"].mask(frame.index % 10 == 0, "watch"))),
        ("joined: hour", lambda frame: frame.assign(joined=frame["joined"].dt.floor("7D") + pd.Timedelta(hours=9))),
    ],
)
def test_the_column_that_changed_is_named(reference: Reference, name: str, changed: Any) -> None:
    """That one, and no other."""
    window = rows(400, 1)
    found = alarms(drift(reference, changed(window), answers(400, 1), RULES))

    assert set() == alarms(drift(reference, window, answers(400, 1), RULES))
    assert f"drift of {name}" in found
    assert {name.split(":")[0]} == {one.removeprefix("drift of ").split(":")[0] for one in found}


@pytest.mark.parametrize(("name", "changed"), [("prediction", {"yes": 0.75}), ("route", {"kids": 0.55})])
def test_answers_of_other_shares_are_named(reference: Reference, name: str, changed: dict[str, float]) -> None:
    """The rows are as they were; the sentence says which answer is given more or less often."""
    (found,) = [one for one in drift(reference, rows(400, 1), answers(400, 1, **changed), RULES) if one.alarm]

    assert (f"drift of answers: {name}", "answers", name) == (found.name, found.figures["modality"], found.figures["column"])
    assert found.sentence.startswith(f"the answers' {name} is not what it was: ")


def test_predicted_numbers_are_compared_as_numbers(reference: Reference) -> None:
    """A regression has no classes; its answers are spread otherwise, or not."""
    rng = np.random.default_rng(0)
    learned = reference.with_answers(pd.DataFrame({"prediction": rng.normal(size=600)}), pd.Series(range(600)))
    looks = {
        shift: alarms(drift(learned, rows(400, 1), pd.DataFrame({"prediction": rng.normal(shift, 1, 400)}), RULES))
        for shift in (0, 0.5)
    }

    assert {0: set(), 0.5: {"drift of answers: prediction"}} == looks


def test_those_who_ask_often_are_no_drift() -> None:
    """They are in every window and the others now and then: each counts as often as it asks, here and in the reference."""
    rng, columns = np.random.default_rng(0), Columns(numbers=("visits",))
    activity = rng.lognormal(0, 1, 2000)

    def asked(count: int) -> pd.DataFrame:
        who = rng.choice(2000, count, p=activity / activity.sum())
        return pd.DataFrame({"who": who, "visits": activity[who]})

    learned = Reference.learned(asked(4000), columns, "who")
    windows = [asked(300) for _ in range(20)]

    assert 2 >= sum(bool(alarms(drift(learned, window, window[[]], RULES))) for window in windows)


def test_equal_weights_are_scipys_tests() -> None:
    """Of rows that count alike: the better one of two probabilities, twice, ties included; and chi-square, or Fisher's test."""
    rng = np.random.default_rng(0)
    now, was = (pd.Series(rng.poisson(mean, size)) for mean, size in ((1.2, 300), (1.0, 700)))
    shares = Shares.of(now, now * 0 + 1, was, was * 0 + 1)
    distance = stats.ks_2samp(now, was, method="asymp")
    location = stats.mannwhitneyu(now, was, use_continuity=False, method="asymptotic")

    assert shares is not None
    p, effect, told = by_number(shares)
    assert pytest.approx(2 * min(distance.pvalue, location.pvalue), rel=0.02) == p  # scipy's has one row more in a thousand
    assert pytest.approx(distance.statistic) == effect
    assert f"median {now.median():g}, expected {was.median():g}" == told
    for few, test in ((30, stats.chi2_contingency), (2, stats.fisher_exact)):
        labels = [pd.Series(["a"] * (size - few) + ["b"] * few) for size in (300, 700)]
        shares = Shares.of(labels[0], now * 0 + 1, labels[1], was * 0 + 1)
        counts = [[300 - few, few], [700 - few, few]]
        assert shares is not None
        found = by_label(shares)
        assert found is not None
        assert pytest.approx(test(counts, **{"correction": False} if few == 30 else {}).pvalue) == found[0]


def test_one_who_asks_for_a_thousand_is_worth_one() -> None:
    """However many rows stand behind an entity, it is one: a window of a bot among few others is worth about one row."""
    weights = pd.Series([1000.0] + [1.0] * 99)
    shares = Shares.of(pd.Series(range(100)), weights, pd.Series(range(100)), pd.Series([1.0] * 100))

    assert shares is not None
    assert pytest.approx(1.2, abs=0.1) == shares.now
    assert shares.was == 100


def test_a_rare_label_is_counted_with_the_next() -> None:
    """Chi-square wants five expected rows of each label; where the rare ones have fewer together, the least common joins."""
    now, was = (pd.Series(["a"] * size + ["b"] * 20 + ["c"] * 2) for size in (100, 300))
    shares = Shares.of(now, pd.Series(1.0, now.index), was, pd.Series(1.0, was.index))
    assert shares is not None
    found = by_label(shares)

    assert found is not None
    assert pytest.approx(stats.chi2_contingency([[100, 22], [300, 22]], correction=False).pvalue) == found[0]
    assert "'(rare ones)' is 18.0 % of them" in found[2] or "'a' is 82.0 % of them" in found[2]


def test_labels_that_are_all_rare_are_not_compared() -> None:
    """A column of which no value comes back says nothing of its labels; that none of it is missing is said."""
    learned = Reference.learned(named(0, 300), Columns(categories=("ticket",)), "who")
    window = named(NEW, 200)
    window.loc[:99, "ticket"] = None

    assert {"drift of ticket: missing"} == {one.name for one in drift(learned, window, window[[]], RULES)}


def named(first: int, count: int) -> pd.DataFrame:
    """A ticket of its own for each."""
    who = range(first, first + count)
    return pd.DataFrame({"who": who, "ticket": pd.Series([f"ticket {one}" for one in who], dtype=object)})


def test_a_new_label_is_as_far_as_it_is_frequent(reference: Reference) -> None:
    """In a tenth of the rows it is a distance of a tenth, though there are a few others, which chance moves as well."""
    effects = []
    for seed in range(5):
        window = rows(400, seed).assign(device=lambda frame: frame["device"].mask(frame.index % 10 == 0, "watch"))
        findings = drift(reference, window, answers(400, seed), RULES)
        effects += [float(str(one.figures["effect"])) for one in findings if one.name == "drift of device: distribution"]

    assert pytest.approx(0.1, abs=0.02) == np.mean(effects)


def test_many_rare_labels_are_no_distance() -> None:
    """Two hundred labels differ by chance in almost all of their shares; the sum of that is no change of what is asked."""
    rng, columns = np.random.default_rng(0), Columns(categories=("city",))
    share = 1 / np.arange(1, 201)

    def asked(first: int, count: int) -> pd.DataFrame:
        city = rng.choice(200, count, p=share / share.sum()).astype(str).astype(object)
        return pd.DataFrame({"who": range(first, first + count), "city": city})

    learned = Reference.learned(asked(0, 1500), columns, "who")
    windows = [asked(NEW, 400) for _ in range(20)]
    findings = [one for window in windows for one in drift(learned, window, window[[]], RULES)]
    was, *now = (cities.value_counts(normalize=True) for cities in (learned.rows[CITY], *(one["city"] for one in windows)))

    assert 0.2 < np.mean([one.sub(was, fill_value=0).abs().sum() / 2 for one in now])
    assert 0.03 > np.mean([float(str(one.figures["effect"])) for one in findings])
    assert set() == alarms(findings)
    new = windows[0].assign(city=windows[0]["city"].mask(windows[0].index % 10 == 0, "a new one"))
    (found,) = drift(learned, new, new[[]], RULES)
    assert found.alarm
    assert pytest.approx(0.1, abs=0.03) == found.figures["effect"]
    assert "'a new one' is 10.0 % of them, expected 0.0 %" in found.sentence


def test_a_small_change_is_no_alarm_however_sure(reference: Reference) -> None:
    """An alarm needs a distance that matters, and says how large it is."""
    window = rows(400, 1).assign(minutes=lambda frame: 3 * frame["minutes"])
    rules = RULES.model_copy(update={"min_effect": 0.9})
    (found,) = [one for one in drift(reference, window, answers(400, 1), rules) if one.name == "drift of minutes: distribution"]

    assert not found.alarm
    assert float(str(found.figures["p"])) < 1e-9
    assert "0.9 matters" in found.sentence


@pytest.mark.parametrize(("count", "entities"), [(50, 50), (800, 50)])
def test_too_few_rows_say_so(reference: Reference, count: int, entities: int) -> None:
    """A row of each entity is what is compared, so many rows of few entities are few."""
    window = rows(count, 1, entities=entities).assign(hour=99.0)
    (found,) = drift(reference, window, answers(count, 1), RULES)

    assert ("drift: rows", False) == (found.name, found.alarm)
    assert f"{count} answers to {window['who'].nunique()} different who tell nothing of drift" in found.sentence
    assert "expected at least 100 different ones (monitoring.min_rows)" in found.sentence


def test_a_masked_column_is_not_watched(reference: Reference) -> None:
    """It is said, and no alarm; the others are compared as ever."""
    window = rows(400, 1).assign(minutes=lambda frame: 3 * frame["minutes"]).drop(columns="hour")
    findings = {one.name: one for one in drift(reference, window, answers(400, 1), RULES)}

    assert (False, "hour is not watched, for the log does not keep it") == (
        findings["drift of hour: values"].alarm,
        findings["drift of hour: values"].sentence,
    )
    assert {"drift of minutes: distribution"} == alarms([*findings.values()])


def test_a_masked_entity_is_told(reference: Reference) -> None:
    """Every row is taken for another one's then."""
    found = {one.name: one for one in drift(reference, rows(400, 1).drop(columns="who"), answers(400, 1), RULES)}

    assert "who is not in the log" in found["drift: entities"].sentence
    assert "drift of hour: distribution" in found


def test_a_day_has_no_other_weekdays(reference: Reference) -> None:
    """Of moments within a day the weekday always differs from that of training, and is not compared."""
    window = rows(400, 1).assign(joined=START + pd.to_timedelta(np.arange(400) * 3.6, unit="min"))
    findings = drift(reference, window, answers(400, 1), RULES)
    found = {one.name: one for one in findings}

    assert (None, False) == (found["drift of joined: weekday"].figures["p"], found["drift of joined: weekday"].alarm)
    assert "drift of joined: hour" in found
    assert len(findings) == len(found)


def test_a_model_is_watched_by_what_it_keeps(root: Path, predictor: Predictor) -> None:
    """One number times three, another label, other words: each is the only column that is named; test rows name none."""
    card = predictor.bundle.card
    kept = bundle.reference_of(root / registry.FOLDER / card.version)
    test = conform(pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet"), card.columns.modalities())
    window = test[[card.data.entity, *card.columns.names]]
    said = predictor.bundle.answerer.answers(window[list(card.columns.names)])
    shifts = {name: window[name] * 3 for name in card.columns.numbers}
    shifts |= {name: window[name].mask(window.index % 5 == 0, "(new)") for name in card.columns.categories}
    shifts |= {name: window[name].str.replace(r"\w+", lambda word: word[0][::-1], regex=True) for name in card.columns.text}

    assert set() == alarms(drift(kept, window, said, RULES))
    for name, values in shifts.items():
        findings = drift(kept, conform(window.assign(**{name: values}), card.columns.modalities()), said, RULES)
        assert {name} == {one.figures["column"] for one in findings if one.alarm}


def test_the_page_says_in_words_what_is_missing(reference: Reference) -> None:
    """As the finding does, beside which it stands."""
    window, said = rows(400, 1), answers(400, 1)
    window["device"] = window["device"].mask(window.index < 200)
    findings = drift(reference, window, said, RULES)
    counts = pd.Series([200, 200], pd.DatetimeIndex([START, START + pd.Timedelta(hours=1)]))
    text = page("v1", START, START, findings, Seen(counts, [], reference, window, said), "log_loss")

    assert "drift of device: missing" in alarms(findings)
    assert re.search(r"given: 9\d % then, \d\d % now; missing: \d % then, 5\d % now", text)
