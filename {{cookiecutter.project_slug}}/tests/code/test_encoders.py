"""Encoders: from raw columns to numbers, whatever a row lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from {{ cookiecutter.package_name }}.data.schema import conform
from {{ cookiecutter.package_name }}.encoders import dates, fusion, tabular
from {{ cookiecutter.package_name }}.encoders.fusion import encoder, fit_transform
from {{ cookiecutter.package_name }}.encoders.gaps import gaps
from {{ cookiecutter.package_name }}.encoders.hashed import Hashed
from {{ cookiecutter.package_name }}.encoders.latent import Latent
from {{ cookiecutter.package_name }}.encoders.opinion import Opinion
from {{ cookiecutter.package_name }}.encoders.row import row_encoder
from {{ cookiecutter.package_name }}.encoders.volume import Volume
from {{ cookiecutter.package_name }}.model.persistence import load, save
from {{ cookiecutter.package_name }}.sections import Columns, Encoders, Weights

COLUMNS = Columns(numbers=("hour", "minutes"), categories=("device",))
ROWS = pd.DataFrame(
    {
        "hour": [7.0, 12.0, 17.0, 22.0],
        "minutes": [10.0, np.nan, 30.0, 50.0],
        "device": pd.Series(["tv", "phone", "tv", None], dtype=object),
    }
)
ENCODERS = Encoders(rare_category=1)


def values(rows: pd.DataFrame, place: int) -> dict[str, Any]:
    """A row's values by column."""
    return {str(name): value for name, value in rows.loc[place].to_dict().items()}


def test_blocks_are_equally_loud() -> None:
    """Each modality's rows have the norm 1 on average, however wide its block."""
    fitted = encoder(COLUMNS, ENCODERS)
    encoded = fitted.fit_transform(ROWS)

    for block in (fitted.output_indices_["numbers"], fitted.output_indices_["categories"]):
        assert np.linalg.norm(encoded[:, block], axis=1).mean() == pytest.approx(1)


def test_weight_makes_a_block_louder() -> None:
    """Twice the weight is twice the numbers, and the other block stays as it is."""
    plain = encoder(COLUMNS, ENCODERS).fit_transform(ROWS)
    loud = encoder(COLUMNS, ENCODERS.model_copy(update={"weights": Weights(numbers=2.0)})).fit_transform(ROWS)

    np.testing.assert_allclose(loud, plain * [2, 2, 2, 1, 1, 1])


def test_missing_number_is_the_median_and_says_so() -> None:
    """A gap is filled with the training rows' median; a column of its own tells that there was one."""
    fitted = encoder(COLUMNS, ENCODERS).fit(ROWS)
    gap, median = ROWS.head(1).assign(minutes=np.nan), ROWS.head(1).assign(minutes=30.0)

    unlike = ~np.isclose(fitted.transform(gap)[0], fitted.transform(median)[0])

    assert [name.split("_")[-1] for name in fitted.get_feature_names_out()[unlike]] == ["minutes"]
    assert unlike.sum() == 1


def test_unseen_category_is_answered() -> None:
    """A category that training never saw is none of the known ones."""
    fitted = encoder(COLUMNS, ENCODERS).fit(ROWS)

    assert fitted.transform(ROWS.head(1).assign(device="toaster"))[:, 3:].tolist() == [[0.0, 0.0, 0.0]]


def test_a_row_with_nothing_known_is_answered() -> None:
    """Missing everywhere still gives finite numbers."""
    nothing = pd.DataFrame({"hour": [np.nan], "minutes": [np.nan], "device": pd.Series([None], dtype=object)})

    assert np.isfinite(encoder(COLUMNS, ENCODERS).fit(ROWS).transform(nothing)).all()


def test_statistics_are_those_of_the_training_rows() -> None:
    """What is encoded later changes nothing of what was learned."""
    fitted = encoder(COLUMNS, ENCODERS).fit(ROWS)
    before = fitted.transform(ROWS)

    fitted.transform(ROWS.assign(hour=1000.0))

    np.testing.assert_array_equal(before, fitted.transform(ROWS))


KINDS = [(modality, kind) for file in (tabular, dates) for modality, kinds in file.KINDS.items() for kind in kinds]
FORMS = {"minutes": "numbers", "device": "categories", "seen_at": "dates"}


@pytest.mark.parametrize(("modality", "kind"), KINDS)
def test_every_kind_keeps_its_promises(modality: str, kind: str, tmp_path: Path) -> None:
    """Named columns, finite for gaps and for what was never seen, the same saved and loaded, and for a row by itself."""
    rng = np.random.default_rng(7)
    when = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(rng.integers(10**7, size=60), unit="s")
    rows = pd.DataFrame({"minutes": rng.lognormal(size=60), "device": rng.choice(["tv", "phone", "pc"], 60).astype(object)})
    rows = rows.assign(seen_at=pd.Series(when.as_unit("us")))
    rows.loc[7] = [np.nan, None, pd.NaT]
    rows = conform(rows, FORMS)
    strange = pd.DataFrame(
        {"minutes": [1e50], "device": ["toaster"], "seen_at": when[:1].as_unit("us") + pd.Timedelta("5000D")}
    )
    column = next(name for name, form in FORMS.items() if form == modality)
    fitted = encoder(Columns(**{modality: (column,)}), Encoders.model_validate({modality: (kind,)}))
    fit_transform(fitted, rows[[column]], rng.choice(["a", "b", "c"], 60), np.arange(60))
    save(fitted, tmp_path / "encoder.skops")
    asked = pd.concat([rows, conform(strange, FORMS)], ignore_index=True)[[column]]
    encoded = fitted.transform(asked)

    assert len(fitted.get_feature_names_out()) == encoded.shape[1]
    assert np.isfinite(encoded).all()
    np.testing.assert_array_equal(load(tmp_path / "encoder.skops").transform(asked), encoded)
    for place in (0, 7, 60):
        np.testing.assert_allclose(row_encoder(fitted)(values(asked, place)), encoded[place], atol=1e-12)


def test_a_column_has_kinds_of_its_own() -> None:
    """One column by two encoders, the other by the one of its modality."""
    own = Encoders(rare_category=1, folds=2, columns={"device": ("one_hot", "target")})
    fitted = encoder(COLUMNS, own)
    fit_transform(fitted, ROWS, np.asarray([0.0, 1.0, 0.0, 1.0]), np.arange(4))

    assert fitted.named_transformers_["categories"].get_feature_names_out().tolist() == [
        "one_hot__device_(missing)",
        "one_hot__device_phone",
        "one_hot__device_tv",
        "target__device",
    ]


def test_midnight_is_beside_midnight() -> None:
    """Told as points on circles, the last minute of a day is close to the first of the next; told as parts, it is far."""
    moments = pd.to_datetime(["2026-05-04T23:59Z", "2026-05-05T00:01Z", "2026-05-05T12:00Z"]).as_unit("us")
    near, far = ({}, {})
    for kind in ("cyclic", "parts"):
        late, early, noon = dates.Moments(kind).fit_transform(pd.DataFrame({"at": moments}))[:, 1:]
        near[kind], far[kind] = np.linalg.norm(late - early), np.linalg.norm(noon - early)

    assert near["cyclic"] < 0.05 * far["cyclic"]
    assert near["parts"] > far["parts"]
    week = pd.DataFrame({"at": moments[:1].append(moments[:1] + pd.Timedelta(weeks=1))})
    np.testing.assert_allclose(*dates.Moments("cyclic").fit_transform(week)[:, 3:])


def test_the_target_of_a_row_is_not_in_its_code() -> None:
    """Every user is a category of one: of a training row the encoder knows nothing, where in-sample means know all."""
    rng = np.random.default_rng(7)
    users, target = pd.DataFrame({"user": [f"u{i}" for i in range(200)]}, dtype=object), rng.choice(["a", "b"], 200)
    fitted = encoder(Columns(categories=("user",)), Encoders(categories=("target",)))
    encoded = fit_transform(fitted, users, target, np.arange(200))

    assert abs(np.corrcoef(encoded[:, 0], target == "b")[0, 1]) < 0.3
    assert np.corrcoef(fitted.transform(users)[:, 0], target == "b")[0, 1] > 0.9


def test_an_opinion_of_a_training_row_is_that_of_others() -> None:
    """A tree that knows its own rows by heart says nothing of them, nor of the other rows of their group."""
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(200), 4)
    X, y = rng.normal(size=(200, 3))[groups], rng.choice(["a", "b"], 200)[groups]
    opinion = Opinion(DecisionTreeClassifier(random_state=0))
    said = opinion.fit_transform(X, y, groups)[:, -1]

    assert ((said > 0.5) == (y == "b")).mean() < 0.65
    assert ((opinion.transform(X)[:, -1] > 0.5) == (y == "b")).all()


def test_a_class_of_one_group_has_an_opinion_too() -> None:
    """The folds that train without it give it no chance, and nothing fails."""
    X, y, groups = np.arange(12.0)[:, None], np.asarray(["a"] * 10 + ["b"] * 2), np.arange(12) // 2
    said = Opinion(folds=2).fit_transform(X, y, groups)

    np.testing.assert_allclose(said[:, 1:].sum(axis=1), 1)
    assert 0 == said[-1, 2]


def test_one_entity_teaches_nothing_of_others() -> None:
    """Targets are learned from other entities; where there are none, the message says what to mend."""
    with pytest.raises(fusion.OneEntity, match="all 4 training rows belong to '7', and targets and opinions are learned"):
        fit_transform(encoder(COLUMNS, Encoders(categories=("target",))), ROWS, np.arange(4.0), np.full(4, 7))


@pytest.mark.parametrize("kind", list(tabular.KINDS["categories"]))
def test_an_empty_column_is_a_column_of_gaps(kind: str) -> None:
    """Nothing is known of it, in a batch and for a row by itself; a sign of no length is no gap."""
    rows = pd.concat([ROWS.assign(empty=pd.Series([None] * 4, dtype=object))] * 3, ignore_index=True)
    odd = rows.head(1).assign(device="\0", empty="a\0")
    columns = Columns(categories=("device", "empty"))
    fitted = encoder(columns, Encoders(categories=(kind,), rare_category=1, folds=2))
    fit_transform(fitted, rows, np.arange(12.0), np.arange(12))

    assert "device, empty" == gaps(fitted).unseen(values(odd, 0)) or kind == "hashed"
    np.testing.assert_allclose(row_encoder(fitted)(values(odd, 0)), fitted.transform(odd)[0], atol=1e-12)


def test_stacked_blocks_carry_their_opinions() -> None:
    """Beside each block stand the probabilities of a model that read it alone; the groups reach it."""
    rows = pd.concat([ROWS] * 10, ignore_index=True)
    target = np.asarray(["a", "b", "a", "b"] * 10)
    plain = fit_transform(encoder(COLUMNS, ENCODERS), rows, target, np.arange(40))
    stacked = encoder(COLUMNS, ENCODERS.model_copy(update={"fusion": "stacked"}))
    encoded = fit_transform(stacked, rows, target, np.repeat(np.arange(10), 4))

    assert encoded.shape[1] == plain.shape[1] + 2 * 2
    np.testing.assert_allclose(encoded[:, 3:5].sum(axis=1), 1)
    np.testing.assert_allclose(row_encoder(stacked)(values(rows, 1)), stacked.transform(rows)[1], atol=1e-9)


def test_concatenated_blocks_are_as_they_come() -> None:
    """No block is louder than it was; a wide one drowns the others."""
    encoded = encoder(COLUMNS, ENCODERS.model_copy(update={"fusion": "concatenated"})).fit_transform(ROWS)

    assert set(encoded[:, -3:].ravel()) == {0.0, 1.0}
    np.testing.assert_allclose(encoded[:, :3].std(axis=0), 1)


def test_gaps_are_told() -> None:
    """The modalities that a row lacks, and the columns whose category was never seen; an absent category is not unseen."""
    found = gaps(encoder(COLUMNS, ENCODERS).fit(ROWS))
    whole = values(ROWS, 0)

    assert (None, None) == (found.missing(whole), found.unseen(whole))
    assert "numbers, categories" == found.missing({"hour": np.nan, "minutes": np.nan, "device": None})
    assert (None, "device") == (found.missing(whole | {"minutes": np.nan}), found.unseen(whole | {"device": "toaster"}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            Encoders(numbers=("median",)),
            "'median' is no kind of encoder for numbers, expected one of standard, robust, quantile",
        ),
        (
            Encoders(columns={"device": ("standard",)}),
            "'standard' is no kind of encoder for categories, expected one of one_hot",
        ),
        (Encoders(columns={"devise": ("one_hot",)}), r"encoders.columns names 'devise', which is not listed under \[columns\]"),
    ],
)
def test_an_unknown_kind_is_refused(settings: Encoders, message: str) -> None:
    """The message lists the kinds that there are."""
    with pytest.raises(fusion.UnknownKind, match=message):
        encoder(COLUMNS, settings)


@pytest.mark.parametrize("estimator", [Volume(), Volume(None), Latent(), Hashed(), Opinion()], ids=repr)
def test_estimators_are_scikit_learns(estimator: BaseEstimator) -> None:
    """They keep scikit-learn's contract; of training rows Opinion tells what others' models say, as its TargetEncoder does."""
    differs = ("check_transformer_general", "check_transformer_data_not_an_array")
    expected = dict.fromkeys(differs, "see above") if isinstance(estimator, Opinion) else {}
    checked = check_estimator(estimator, expected_failed_checks=expected, on_skip=None)

    assert set(expected) == {check["check_name"] for check in checked if check["status"] not in ("passed", "skipped")}


def test_a_modality_without_encoder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of a modality that the project was made without: the message says how to go on."""
    monkeypatch.setitem(encoder.__globals__["_FILES"], "text", "nothing_of_that_name")

    with pytest.raises(fusion.UnknownModality, match=r"columns.text = \[\], or add it with `copier update --data modalities"):
        encoder(Columns(text=("note",)), ENCODERS)
