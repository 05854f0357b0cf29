"""Serving: raw rows in, answers out, the same one by one, in a batch and as JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.data.schema import SchemaError, to_json_rows
from {{ cookiecutter.package_name }}.data.sources import read_files
from {{ cookiecutter.package_name }}.pipeline import promote
from {{ cookiecutter.package_name }}.sections import Columns, Limits, Validation
from {{ cookiecutter.package_name }}.serving.batch import score
from {{ cookiecutter.package_name }}.serving.contract import RequestError, example, parse, row_model
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
SAME = 1e-12


def test_an_answer_says_who_gave_it(predictor: Predictor) -> None:
    """Entity, prediction, its probability, the route, what the row lacked and the model's version."""
    answer = predictor.answer_json([predictor.bundle.card.golden_rows[0]], NOW)

    card = predictor.bundle.card
    said = ["prediction", "probability", "route", "route_probability", "route_source", "missing", "unseen", "model"]
    assert list(answer) == [card.data.entity, *said]
    assert answer["model"].tolist() == [card.version]


def test_a_row_is_answered_as_in_a_batch(rows: pd.DataFrame, predictor: Predictor) -> None:
    """Alone or among others."""
    together = predictor.answer(rows, NOW)
    alone = pd.concat([predictor.answer(rows.iloc[[n]], NOW) for n in range(len(rows))])

    pd.testing.assert_frame_equal(together, alone, rtol=0, atol=SAME)


def test_json_is_answered_as_a_frame(rows: pd.DataFrame, predictor: Predictor) -> None:
    """What a request carries as text loses nothing."""
    card = predictor.bundle.card
    fields = [name for name in rows if name in (card.data.entity, *card.columns.names)]
    text = json.dumps(to_json_rows(rows[fields], card.columns.image))

    as_json = predictor.answer_json(parse(card, text), NOW)

    pd.testing.assert_frame_equal(predictor.answer(rows[fields].reset_index(drop=True), NOW), as_json, rtol=0, atol=SAME)


def test_the_order_of_columns_is_harmless(rows: pd.DataFrame, predictor: Predictor) -> None:
    """Columns are found by name."""
    backwards = rows[rows.columns[::-1]]

    pd.testing.assert_frame_equal(predictor.answer(rows, NOW), predictor.answer(backwards, NOW))


def test_a_row_with_nothing_but_its_key_is_answered(predictor: Predictor) -> None:
    """Nulls and unknown entities are answered too, from what the model learned about missing values."""
    card = predictor.bundle.card
    keys = [{card.data.entity: 10**9 if card.key == "number" else "nobody"}]

    assert _limited(predictor, {}).answer_json(keys, NOW)["prediction"].notna().tolist() == [True]


def test_features_come_from_the_store_unless_given(predictor: Predictor) -> None:
    """A value that was sent is used; one that was not is what the online store holds for the entity."""
    entity = predictor.bundle.card.data.entity
    rows = pd.DataFrame({entity: [row[entity] for row in predictor.bundle.card.golden_rows[:2]]})
    stored = predictor._with_features(rows, NOW)
    features = [name for name in stored if name not in rows]
    given = stored.assign(**{str(name): "given" for name in features})

    assert (predictor._with_features(given, NOW)[features] == "given").all(axis=None)


def test_an_unreadable_request_is_one_sentence(predictor: Predictor) -> None:
    """Not JSON, an unknown field, a missing key, a wrong type: the field is named."""
    card = predictor.bundle.card
    row = {card.data.entity: card.golden_rows[0][card.data.entity]}
    for text, sentence in (
        ("{", "the request is not JSON"),
        ("{}", f"row 0: '{card.data.entity}' is missing"),
        (json.dumps(row | {"nonsense": 1}), "row 0: 'nonsense' is no known field; the fields are"),
        (json.dumps([{card.data.entity: None}]), f"row 0: '{card.data.entity}' is None"),
        ("[7]", "row 0 is 7; a row is an object with the fields"),
        ("[]", "the request holds no row"),
    ):
        with pytest.raises(RequestError) as refused:
            parse(card, text)

        assert sentence in str(refused.value)
        assert "\n" not in str(refused.value)


def test_the_card_carries_the_limits(predictor: Predictor, settings: Settings) -> None:
    """A model is served without the settings that it was trained by."""
    assert settings.validation.columns == predictor.bundle.card.limits


def test_other_limits_are_another_model(root: Path, settings: Settings, predictor: Predictor, tmp_path: Path) -> None:
    """Nothing is fitted for them, and yet they reach the model that answers, under a version of its own."""
    more = Validation(columns=settings.validation.columns | {"more": Limits(null=False)})
    done = root / "artifacts"
    promote.run(settings.model_copy(update={"validation": more}), tmp_path, tmp_path, done / "fit", done / "evaluate")

    card = registry.load(tmp_path / registry.FOLDER, saved_as=settings.model.saved_as).card
    assert more.columns == card.limits
    assert predictor.bundle.card.version != card.version


def test_a_number_out_of_its_range_is_refused_at_every_door(rows: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    """The sentence of a request and of a file alike names field, row, value, range and unit: seconds are no milliseconds."""
    card = predictor.bundle.card
    for name in card.columns.numbers[:1]:
        strict = _limited(predictor, {name: Limits(min=2, max=60, unit="s")})
        row = {card.data.entity: card.golden_rows[0][card.data.entity]}
        frame = rows.assign(**{name: 60.0})
        frame.loc[13, name] = 2000
        frame.to_parquet(tmp_path / "rows.parquet", index=False)

        assert [row | {name: 60}] == parse(strict.bundle.card, json.dumps(row | {name: 60}))
        with pytest.raises(RequestError, match=rf"row 1: '{name}' is 2000, not a number from 2 to 60 \(s\)"):
            parse(strict.bundle.card, json.dumps([row | {name: 2}, row | {name: 2000}]))
        with pytest.raises(SchemaError, match=rf"column '{name}', row 13: 2000.0 is not a number from 2 to 60 \(s\)"):
            strict.answer(frame, NOW)
        *_, last = score(strict, tmp_path / "rows.parquet", tmp_path / "out.csv", tmp_path, NOW)
        assert rf"column '{name}', row 13: 2000.0 is not" in read_files([tmp_path / "out.rejected.parquet"])["reason"][0]
        assert (last.answered, last.rejected) == (len(rows) - 1, 1)


def test_a_null_where_none_may_be_is_refused(predictor: Predictor) -> None:
    """Sent as null, or not sent and unknown to the store; the example to copy has a value there."""
    card = predictor.bundle.card
    stranger = {card.data.entity: 10**9 if card.key == "number" else "nobody"}
    for name in card.columns.names:
        strict = _limited(predictor, {name: Limits(null=False)})

        assert json.loads(example(strict.bundle.card))[name] is not None
        assert len(strict.answer_json(parse(strict.bundle.card, example(strict.bundle.card)), NOW)) == 1
        with pytest.raises(RequestError, match=f"row 0: '{name}' is None"):
            parse(strict.bundle.card, json.dumps(stranger | {name: None}))
        with pytest.raises(SchemaError, match=f"column '{name}', row 0: there is no value"):
            strict.answer_json(parse(strict.bundle.card, json.dumps(stranger)), NOW)


def test_a_column_may_have_any_name(predictor: Predictor) -> None:
    """One that no attribute could have, too; the words of the schema are the column's."""
    columns = Columns(numbers=("_id", "copy", "model_dump", "a b"), dates=("day",))
    card = predictor.bundle.card.model_copy(update={"columns": columns, "limits": {"copy": Limits(min=1, unit="pages")}})
    row = {card.data.entity: card.golden_rows[0][card.data.entity], "_id": 1, "copy": 2, "a b": None, "day": "2026-05-01"}
    described = row_model(card).model_json_schema()["properties"]

    assert [row] == parse(card, json.dumps(row))
    assert {card.data.entity, *columns.names} <= described.keys()
    assert "a number of at least 1 (pages)" == described["copy"]["description"]
    assert "date-time" == described["day"]["anyOf"][0]["format"]


def test_the_type_of_a_row_is_made_once(predictor: Predictor) -> None:
    """Not again for each request."""
    card = predictor.bundle.card

    assert row_model(card) is row_model(card.model_copy())


def _limited(predictor: Predictor, limits: Mapping[str, Limits]) -> Predictor:
    """The predictor of a model whose owner set these limits."""
    card = predictor.bundle.card.model_copy(update={"limits": limits})
    return replace(predictor, bundle=replace(predictor.bundle, card=card))


def test_a_key_that_the_model_reads_stays_a_key(predictor: Predictor) -> None:
    """The entity as a column: absent, null and of another type it is refused, as where it is no column."""
    card = predictor.bundle.card
    columns = card.columns.model_copy(update={"categories": (*card.columns.categories, card.data.entity)})
    read = card.model_copy(update={"columns": columns})

    for row in ({}, {card.data.entity: None}, {card.data.entity: 1.5}, {card.data.entity: True}):
        with pytest.raises(RequestError, match=card.data.entity):
            parse(read, json.dumps(row))
