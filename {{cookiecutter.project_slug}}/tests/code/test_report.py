"""The report: one page that stands by itself, whatever the data are called and however they came out."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from {{ cookiecutter.package_name }}.pipeline import report
from {{ cookiecutter.package_name }}.report import figures, plots
from {{ cookiecutter.package_name }}.report.decided import models, sentence
from {{ cookiecutter.package_name }}.report.figures import Figure
from {{ cookiecutter.package_name }}.report.page import page
from {{ cookiecutter.package_name }}.settings import Settings

HOSTILE = ("<script>alert(1)</script>", "\"'>&amp;\x1b", "$\\frac{1}{$ 😀\n\n", "x" * 300)
SLICE = {"slice": "age = old", "rows": 60, "score": 0.5, "low": 0.4, "high": 0.6, "judged": True}
DECIDED = {"metric": "log_loss", "confidence": 0.95, "best": "linear", "version": "v2", "promoted": True, "why": "it is best"}


class Read(HTMLParser):
    """What a browser would find: the tags with their attributes, the text in its order, the pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.pictures = [b64decode(str(held["src"]).split(",")[1]) for tag, held in self.tags if tag == "img"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep it."""
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each such tag."""
        return [held for name, held in self.tags if name == tag]


def candidate(name: str, score: float, **other: Any) -> dict[str, Any]:
    """As `promote` writes it down."""
    row = {"name": name, "score": score, "low": score - 0.1, "high": score + 0.1, "gain": 1 - score, "gain_low": 0.9 - score}
    return row | {"gain_high": 1.1 - score, "calibration_error": 0.03, "kilobytes": 12.3, "p95_ms": None, "refused": []} | other


def decision(**other: Any) -> dict[str, Any]:
    """A linear model that was promoted for its log-loss."""
    slices = [SLICE | {"candidate": "dummy"}, SLICE | {"candidate": "linear"}]
    made = [candidate("dummy", 1.0, refused=["is what the others have to beat"]), candidate("linear", 0.5, p95_ms=2.5)]
    return DECIDED | {"champion": None, "candidates": made, "slices": slices} | other


def answered(classes: tuple[str, ...], rows: int = 120) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of these classes in turn, and a model that is sure of each answer and right but for every fifth."""
    target = np.asarray(classes, dtype=object)[np.arange(rows) % len(classes)]
    said = np.where(np.arange(rows) % 5 == 0, classes[0], target)
    shares = {f"p:{name}": np.where(said == name, 0.8, 0.2 / max(1, len(classes) - 1)) for name in classes}
    return pd.DataFrame({"target": target, "segment": target}), pd.DataFrame({"prediction": said} | shares)


@pytest.fixture
def written(tmp_path: Path, settings: Settings) -> Any:
    """A function from what `evaluate` and `promote` have found to the page that the step makes of it."""

    def write(task: str, decided: dict[str, Any], rows: pd.DataFrame, answers: dict[str, pd.DataFrame], **told: Any) -> str:
        (tmp_path / "answers").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "rows.parquet")
        for name, frame in answers.items():
            frame.to_parquet(tmp_path / "answers" / f"{name}.parquet")
        measured = {"rows": {"all": len(rows)}, "scores": {}, "importance": {}} | told
        (tmp_path / "metrics.json").write_text(json.dumps(measured), encoding="utf-8")
        (tmp_path / "decision.json").write_text(json.dumps(decided), encoding="utf-8")
        data = settings.data.model_copy(update={"task": task, "target": HOSTILE[0]})
        report.run(settings.model_copy(update={"data": data}).only(["data"]), tmp_path, tmp_path, tmp_path)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return write


def test_the_run_of_this_project_has_its_page(root: Path, settings: Settings) -> None:
    """The decision before all else, then the models, then what good looks like and whether it is so."""
    found = Read((root / "artifacts" / "report" / "report.html").read_text(encoding="utf-8"))
    decided = json.loads((root / "artifacts" / "promote" / "decision.json").read_text(encoding="utf-8"))

    places = [found.text.index(words) for words in (sentence(decided), "gain over the dummy", "Scores", "Good: ")]
    assert sorted(places) == places
    last = "Calibration" if settings.data.task == "classification" else "Residuals"
    assert all(title in found.text for title in (*(one["name"] for one in decided["candidates"]), last))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, "Model v2 (linear) answers: it is best."),
        ({"promoted": False}, "No model answers, and model v2 is kept: it is best."),
        ({"promoted": False, "champion": "v1"}, "Model v1 goes on answering: it is best."),
        ({"promoted": False, "version": None, "best": None}, "No model answers: it is best."),
    ],
)
def test_the_decision_is_one_sentence(other: dict[str, Any], expected: str) -> None:
    """Who answers now, and why."""
    assert expected == sentence(decision(**other))


def test_whatever_things_are_called_the_page_is_safe_and_whole(written: Any) -> None:
    """Markup, quotes, control characters, formulas and long names are text, in the page and in its pictures."""
    rows, answers = answered(HOSTILE)
    routed = answers.assign(route=rows["target"])
    slices = [SLICE | {"slice": name, "candidate": "linear", "judged": False} for name in HOSTILE]
    made = [candidate("dummy", 1.0), candidate("linear", 0.5, refused=list(HOSTILE))]
    decided = decision(why=HOSTILE[0], slices=slices, candidates=made)
    changes = {"linear": {name: {"log_loss": 0.1} for name in HOSTILE}}
    text = written("classification", decided, rows, {"linear": answers, "cascade": routed}, importance=changes)
    found = Read(text)

    assert {"script", "link", "iframe", "object"} & {tag for tag, _ in found.tags} == set()
    assert not [name for _, held in found.tags for name in held if name.startswith("on")]
    assert all(str(held["src"]).startswith("data:image/svg+xml;base64,") for held in found.all("img"))
    assert "://" not in text
    assert found.text.count(HOSTILE[0]) >= 4  # title, heading, sentence, refusal
    assert 6 == len(found.pictures)
    assert all(len(str(held["alt"])) < 600 for held in found.all("img"))
    for picture in found.pictures:
        tree = ElementTree.fromstring(picture)  # noqa: S314 of this test's own making
        assert not [node for node in tree.iter() if node.tag.endswith("script")]


def test_the_page_is_readable_by_anybody(written: Any) -> None:
    """On a phone, by a screen reader, without a network: a language, a title, words for each picture, heads for each cell."""
    rows, answers = answered(("no", "yes"))
    found = Read(written("classification", decision(), rows, {"linear": answers}))

    assert [{"lang": "en"}] == found.all("html")
    assert [f"{HOSTILE[0]}: what this run decided"] == [line for line in found.text.splitlines() if line.startswith("<")][:1]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.all("meta")
    assert "default-src 'none'" in str(found.all("meta")[1]["content"])
    assert all(held["alt"] for held in found.all("img"))
    assert len(found.all("figure")) == len(found.all("figcaption")) == len(found.all("img")) == len(found.all("h2")) > 0
    assert {"col", "row"} == {held.get("scope") for held in found.all("th")}
    assert 1 == len(found.all("h1"))


def test_equal_numbers_give_equal_bytes(written: Any) -> None:
    """Whatever the owner has told matplotlib."""
    import matplotlib

    rows, answers = answered(("no", "yes"))
    first = written("classification", decision(), rows, {"linear": answers})
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert first == written("classification", decision(), rows, {"linear": answers})


def test_the_models_stand_in_a_table() -> None:
    """Score and gain with their intervals, calibration, size, time, and what is held against each; nothing where none is."""
    found = Read(page("a title", sentence(decision()), models(decision()), []))

    words = ["0.500 (0.400 to 0.600)", "0.500 (0.400 to 0.600)", "0.030", "12", "2.5", ""]
    cells = found.text[found.text.index("linear", found.text.index("linear") + 1) :]
    assert f"linear{''.join(words)}" == cells.split("\n")[0]
    assert "-is what the others have to beat" in found.text
    assert [{"class": "bold"}] == [held for held in found.all("tr") if held]


def test_a_hundred_thousand_rows_make_a_small_page(written: Any) -> None:
    """Of a regression: residuals as a cloud, no calibration, and a truth that is not known does no harm."""
    said = np.linspace(0, 1, 100_000)
    rows = pd.DataFrame({"target": said + np.where(said > 0.5, 0.5, -0.5)})
    rows.loc[0, "target"] = np.nan
    decided = decision(metric="rmse", slices=[], candidates=[candidate("dummy", 1.0), candidate("linear", np.nan)])
    text = written("regression", decided, rows, {"linear": pd.DataFrame({"prediction": said})})

    assert ["quartiles of truth minus answer: -0.5, 0.5, 0.5"] == [one["alt"] for one in Read(text).all("img")][1:]
    assert "nan" not in Read(text).text
    assert len(text) < 60_000


def test_of_many_classes_those_in_error_are_shown() -> None:
    """What was missed, and what was answered instead; with a note on how many there are."""
    names = tuple(f"class {number:03}" for number in range(200))
    rows, answers = answered(names, 2000)
    answers["prediction"] = rows["target"].mask(rows["target"] > "class 189", "class 000")
    found = figures.confusion(rows["target"], "linear", answers)

    assert found.caption.endswith("Of 200 classes, 15 that were missed or wrongly answered most often.")
    assert all(f"class {number}: 100 % class 000" in found.alt for number in range(190, 200))
    assert 15 == found.alt.count(": ")


def test_shares_are_of_each_class() -> None:
    """Of the truth, not of the answers."""
    rows = pd.DataFrame({"target": [1, 1, 1, 1, 2, 3]})
    answers = pd.DataFrame({"prediction": [1, 1, 1, 2, 2, 2]})

    assert "1: 75 % 1; 2: 100 % 2; 3: 100 % 2" == figures.confusion(rows["target"], "linear", answers).alt


def test_sureness_is_held_against_what_came_true() -> None:
    """Of a model that says .8 and is right in four of five, one dot lies on the line; champion rows are found by number."""
    rows, answers = answered(("no", "yes"), 40)
    answers["prediction"] = rows["target"].mask(rows.index % 5 == 0, "neither")
    champion = answers[20:].assign(prediction="neither")
    found = figures.calibration(rows["target"], {"linear": answers, "champion": champion})

    assert "probability and share that was right: linear 0.80 and 0.80; champion 0.80 and 0.00" == found.alt


@pytest.mark.parametrize(
    ("metric", "expected"), [("log_loss", "text 0.100; image -0.200"), ("accuracy", "text -0.100; image 0.200")]
)
def test_a_modality_counts_by_how_much_worse_it_is_without(metric: str, expected: str) -> None:
    """Up is worse of a loss, and down is worse of an accuracy."""
    changes = {"text": {metric: 0.1}, "image": {metric: -0.2}}

    assert [expected] == [one.alt for one in figures.importance(decision(metric=metric), changes)]
    assert [] == figures.importance(decision(), {})


def test_routes_are_held_against_segments() -> None:
    """Of the rows of each segment; a segment that is not known is one too, and without routes there is nothing to show."""
    segment = pd.Series(["old", "old", "old", "young", None])
    answers = pd.DataFrame({"route": ["old", "old", "young", "young", "young"]})

    told = alts(figures.routes(segment, "the cascade", answers))
    assert ["(unknown): 100 % young; old: 67 % old; young: 100 % young"] == told
    assert [] == figures.routes(segment, "the cascade", answers.assign(route=None))
    assert [] == figures.routes(segment, "the cascade", answers.drop(columns="route"))


def test_slices_are_the_largest_of_the_model_that_was_chosen() -> None:
    """Beside the dummy; what was not judged has a star, and what is left out is counted."""
    many = [SLICE | {"slice": f"s{number}", "rows": number, "judged": number > 9} for number in range(1, 21)]
    rows = [one | {"candidate": name} for one in many for name in ("dummy", "single", "linear")]
    (found,) = figures.slices(decision(slices=rows))

    assert "* s6, dummy: 0.500 (0.400 to 0.600); * s6, linear: " in found.alt
    assert ("s5," in found.alt, "single" in found.alt) == (False, False)
    assert found.caption.endswith("A slice with * has too few rows to be judged. The 5 smallest slices are left out.")
    assert [] == figures.slices(decision(slices=[]))


def test_without_a_choice_it_is_about_the_model_that_gained_most() -> None:
    """So that one sees what it lacks."""
    made = [candidate("dummy", 1.0), candidate("linear", 0.8), candidate("single", 0.7)]

    assert "single" == figures.front(decision(best=None, candidates=made))
    assert "linear" == figures.front(decision(candidates=made))


def test_one_row_and_one_class_and_one_answer_are_drawn(written: Any) -> None:
    """A model that always says the same, and a champion that was asked about a single row."""
    rows, answers = answered(("no", "yes"), 60)
    answers["prediction"] = "no"
    found = Read(written("classification", decision(), rows, {"linear": answers, "champion": answers[59:]}))

    assert ["no: 100 % no; yes: 100 % no"] == [held["alt"] for held in found.all("img")][-1:]


def alts(found: list[Figure]) -> list[str]:
    """What figures say to who does not see them."""
    return [one.alt for one in found]


@contextmanager
def drawn(height: float) -> Iterator[Axes]:
    """Axes as a plot gets them."""
    with style.context(plots.LOOK, after_reset=True):
        yield Canvas(figsize=(plots.WIDTH, height), layout="constrained").subplots()


@pytest.mark.parametrize(
    ("values", "bars"), [(np.arange(24.0), 24), (np.arange(24.0) / 2, 20), (np.arange(2400.0), 20), (np.ones(3), 1)]
)
def test_few_whole_numbers_have_a_bar_each(values: np.ndarray, bars: int) -> None:
    """Hours that come equally often stand equally high; fractions, and numbers without end, share bars."""
    with drawn(2.4) as axes:
        plots.spreads(axes, {"training": values, "now": values}, "hour")
    heights = [held.get_data().values for held in axes.patches]  # type: ignore[attr-defined]

    assert [bars, bars] == [len(held) for held in heights]
    assert [1.0, 1.0] == pytest.approx([held.sum() for held in heights])
    assert bars == 20 or heights[0] == pytest.approx(1 / bars)


@pytest.mark.parametrize("hours", [2, 24, 50, 700])
def test_times_do_not_run_into_each_other(hours: int) -> None:
    """However long the span is."""
    counts = pd.Series(1, pd.date_range("2026-11-27T22:00:00Z", periods=hours, freq="h"))
    with drawn(2.4) as axes:
        plots.over_time(axes, counts)
        axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]

    assert len(boxes) > 1
    assert [] == [one for one, other in combinations(boxes, 2) if one.overlaps(other)]
