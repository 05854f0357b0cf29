"""Encoders: from raw columns to numbers, whatever a row lacks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.encoders.fusion import UnknownModality, encoder
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


def test_a_modality_without_encoder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns of a modality that the project was made without: the message says how to go on."""
    monkeypatch.setitem(encoder.__globals__["_FILES"], "text", "nothing_of_that_name")

    with pytest.raises(UnknownModality, match=r"columns.text = \[\], or add it with `copier update --data modalities"):
        encoder(Columns(text=("note",)), ENCODERS)
