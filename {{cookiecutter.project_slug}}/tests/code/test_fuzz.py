"""Whatever a request holds, it is answered, or refused with one sentence that names the field."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from fuzz import ROWS, fuzz

from {{ cookiecutter.package_name }}.data.schema import LARGEST
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.serving.contract import MOST_CHARACTERS, RequestError, example, parse
from {{ cookiecutter.package_name }}.serving.predictor import Predictor

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def test_a_row_is_answered_or_its_field_is_named(predictor: Predictor) -> None:
    """Rows that are right are answered, whatever they hold; of any other a field that is wrong is named."""

    def ask(text: str) -> str | None:
        try:
            found = predictor.answer_rows(parse(predictor.bundle.card, text), NOW)
        except Refusal as refusal:
            return str(refusal)
        assert all(answer["prediction"] is not None for answer in found)
        return None

    assert ROWS <= fuzz(predictor.bundle.card, ask, ROWS)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("1e400", "is inf"),
        ("NaN", "is nan"),
        ("[" * 200 + "]" * 200, r"is \[\[\[\[\[\["),
        ('"' + "x" * 10**6 + '"', r"is 'x{12}\.\.\.x{13}'"),
        ("9" * 5000, "the request is not JSON"),
        ("[" * 10**5, "the request is not JSON"),
        ("'single'", "the request is not JSON"),
        ("1, ", "the request is not JSON"),
    ],
    ids=["too large", "no number", "nested", "a million letters", "5,000 digits", "endless", "quotes", "comma"],
)
def test_what_json_can_and_cannot_say_is_refused(predictor: Predictor, value: str, sentence: str) -> None:
    """In the place of a key; the sentence stays short."""
    entity = predictor.bundle.card.data.entity

    with pytest.raises(RequestError, match=sentence) as refused:
        parse(predictor.bundle.card, f'{chr(123)}"{entity}": {value}{chr(125)}')
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("count", [1, 2])
def test_a_number_that_no_encoder_bears_is_refused(predictor: Predictor, count: int) -> None:
    """By itself as among others: squares of it would be infinite."""
    card = predictor.bundle.card
    for name in card.columns.numbers:
        row = json.loads(example(card)) | {name: LARGEST * 1.1}

        with pytest.raises(Refusal, match=f"'{name}'"):
            predictor.answer_rows(parse(card, json.dumps([row] * count)), NOW)


def test_the_longest_text_is_answered(predictor: Predictor) -> None:
    """One letter more would be refused."""
    card = predictor.bundle.card
    row = json.loads(example(card))
    for name in card.columns.text:
        (answer,) = predictor.answer_rows(parse(card, json.dumps(row | {name: "wor ds" * (MOST_CHARACTERS // 6)})), NOW)

        assert answer["prediction"] is not None
