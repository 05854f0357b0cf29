"""Demo data: a streaming service in which the same wish means one thing under 18 and another above.

Drawn from a seed, and the same on every day and machine. Whoever is in one table is in the other.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd

from ..refusal import Refusal
from ..sections import Columns

GENRES = ("animation", "comedy", "documentary", "drama", "thriller")
USERS = 1000
START = pd.Timestamp("2026-01-05", tz="UTC")  # a fixed Monday: what `make run` prints does not depend on today
WATCHED = 28  # days of activity, of which the last 14 see requests
UNDER_18 = 0.45  # share of users

# A wish is what somebody is in the mood for: 0 to 4, one for each genre. Under 18 it means the genre of that number, above 18
# the one two further on. So a model that does not know the age sees two genres behind every sign of a wish.
SHIFT = 2
FAITHFUL = 0.85  # share of requests with the user's usual wish; the others draw one anew

# How often a sign tells the truth rather than chance. Together they leave a quarter of the genres to be guessed wrong.
DEVICES = ("console", "laptop", "phone", "tablet", "tv")
DEVICE_OF_AGE, DEVICE_OF_WISH = 0.7, 0.3
GENRE_OF_WISH = 0.6
HOURS = {"under_18": 15.5, "adult": 19.0}  # around which they watch
SESSIONS = (1.0, 1.6, 1.3, 0.8, 0.7)  # by wish, beside one another
MINUTES = (20.0, 25.0, 40.0, 55.0, 80.0)  # of a session, by wish
MOODS = (
    ("colourful", "magical", "cute"),
    ("funny", "silly", "light"),
    ("curious", "clever", "real"),
    ("moving", "slow", "warm"),
    ("tense", "dark", "fast"),
)
WORD_OF_WISH = 0.55
TALK = {
    "under_18": ("after school", "homework is done", "with my brother", "mum said yes", "for the sleepover"),
    "adult": ("after work", "the kids are asleep", "with my partner", "long day at the office", "for a quiet evening"),
}
TALK_OF_AGE = 0.7
OPENINGS = ("something {}", "anything {} please", "i want it {}", "{} would be nice", "in the mood for {} stuff")


class UnknownTable(Refusal):
    """A table that the generator does not draw."""


def table(name: str, rows: int, seed: int, columns: Columns) -> pd.DataFrame:
    """Demo rows of the table `requests` or `activity`, oldest first.

    Requests hold `note` and `avatar` only where the settings list columns of that modality.

    Raises:
        UnknownTable: there is no demo of that name.
    """
    if name not in _TABLES:
        raise UnknownTable(f"table {name!r} has no demo; draw {' or '.join(_TABLES)}, or give it a path or a query")
    return _TABLES[name](rows, seed, columns)


def users(seed: int) -> pd.DataFrame:
    """Who they are: age group, usual wish and how much they watch, by user_id."""
    rng = np.random.default_rng([seed, 0])
    wish = rng.integers(len(GENRES), size=USERS)
    return pd.DataFrame(
        {
            "age_group": np.where(rng.random(USERS) < UNDER_18, "under_18", "adult"),
            "wish": wish,
            # Some wishes come with many short sessions, others with few long ones.
            "sessions": np.asarray(SESSIONS)[wish] * rng.lognormal(0, 0.2, USERS),
            "minutes": np.asarray(MINUTES)[wish] * rng.lognormal(0, 0.2, USERS),
        },
        index=pd.RangeIndex(1, USERS + 1, name="user_id"),
    )


def _requests(rows: int, seed: int, columns: Columns) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 1])
    who = users(seed).sample(rows, replace=True, random_state=rng).reset_index()
    young = (who["age_group"] == "under_18").to_numpy()
    wish = np.where(rng.random(rows) < FAITHFUL, who["wish"], rng.integers(len(GENRES), size=rows))
    hour = rng.normal(who["age_group"].map(HOURS) + 0.5 * (wish - 2), 2.0).round().astype(int).clip(6, 23)
    days = rng.integers(WATCHED - 14, WATCHED, rows)
    moments = days * 86_400 + hour * 3_600 + rng.integers(3_600, size=rows)
    by_age = np.where(young, rng.choice([0, 2, 3], rows), rng.choice([1, 2, 4], rows))
    device = _told(rng, by_age, DEVICE_OF_AGE, _told(rng, wish, DEVICE_OF_WISH, rng.integers(len(DEVICES), size=rows)))
    frame = pd.DataFrame(
        {
            "user_id": who["user_id"],
            "requested_at": _moments(moments),
            "hour": hour,
            "device": np.asarray(DEVICES, dtype=object)[device],
            "age_group": who["age_group"].astype(object),
            "genre": np.asarray(GENRES, dtype=object)[np.where(young, wish, (wish + SHIFT) % len(GENRES))],
        }
    )
    if columns.text:
        frame["note"] = _notes(np.random.default_rng([seed, 2]), young, wish)
    if columns.image:
        avatars = import_module(".demo_image", __package__).avatars
        frame["avatar"] = avatars(users(seed), seed).reindex(frame["user_id"]).to_numpy()
    return frame.sort_values("requested_at", ignore_index=True)


def _activity(rows: int, seed: int, columns: Columns) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 3])
    people = users(seed)
    who = people.sample(rows, replace=True, weights=people["sessions"], random_state=rng).reset_index()
    seconds = rng.integers(WATCHED * 86_400, size=rows)
    # A device that was offline reports its sessions late: one in twenty, by up to two days.
    late = np.where(rng.random(rows) < 0.05, rng.integers(2 * 86_400, size=rows), rng.integers(60, size=rows))
    watched = _told(rng, who["wish"].to_numpy(), GENRE_OF_WISH, rng.integers(len(GENRES), size=rows))
    frame = pd.DataFrame(
        {
            "user_id": who["user_id"],
            "watched_at": _moments(seconds),
            "logged_at": _moments(seconds + late),
            "genre": np.asarray(GENRES, dtype=object)[watched],
            "minutes": (who["minutes"] * rng.lognormal(0, 0.3, rows)).round(1),
        }
    )
    return frame.sort_values("watched_at", ignore_index=True)


def _notes(rng: np.random.Generator, young: np.ndarray, wish: np.ndarray) -> list[str]:
    """What they type: a mood, and now and then what kind of evening it is. One in twenty types nothing."""
    rows = len(wish)
    mood = _told(rng, wish, WORD_OF_WISH, rng.integers(len(MOODS), size=rows))
    adult = np.where(rng.random(rows) < TALK_OF_AGE, ~young, rng.random(rows) < 0.5)
    word, talk, opening = rng.integers(3, size=rows), rng.integers(5, size=rows), rng.integers(5, size=rows)
    notes = []
    for row in range(rows):
        wanted = OPENINGS[opening[row]].format(MOODS[mood[row]][word[row]])
        notes.append(f"{wanted}, {TALK['adult' if adult[row] else 'under_18'][talk[row]]}")
    silent = rng.random(rows) < 0.05
    return ["" if nothing else note for nothing, note in zip(silent, notes, strict=True)]


def _told(rng: np.random.Generator, truth: np.ndarray, share: float, chance: np.ndarray) -> np.ndarray:
    """The truth in that share of the rows, chance in the others."""
    return np.where(rng.random(len(chance)) < share, truth, chance)


def _moments(seconds: np.ndarray) -> pd.DatetimeIndex:
    """Seconds since START; in microseconds, for pandas 2 would write nanoseconds, and DuckDB takes no week off those."""
    return pd.DatetimeIndex(START + pd.to_timedelta(seconds, unit="s")).as_unit("us")


_TABLES = {"requests": _requests, "activity": _activity}
