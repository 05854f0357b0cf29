"""Repeatable Splitting: the hash of a value decides its side.

New rows never move old ones, and no seed, order or machine plays a part.
"""

from __future__ import annotations

import hashlib

import pandas as pd


def is_test(values: pd.Series, share: float) -> pd.Series:
    """Which rows are kept for the test.

    Args:
        values: what the rows are split by; equal values fall on one side.
        share: of the values that become test, 0 to 1.

    >>> is_test(pd.Series([1, 2, 3, 4, 1]), 0.4).tolist()
    [False, False, True, True, False]
    """
    sides = {value: _place(value) < share for value in values.unique()}
    return values.map(sides).astype(bool)


def _place(value: object) -> float:
    """A value's place in [0, 1)."""
    digest = hashlib.sha256(str(value).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
