"""settings.toml: what cannot be used is refused with one sentence that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.settings import SettingsError, read_settings

SETTINGS = """
seed = 1

[tables]
visits = { path = "visits.csv" }

[data]
rows = "visits"
task = "classification"
entity = "user_id"
target = "bought"

[columns]
numbers = ["pages"]

[split]
by = "user_id"
test_share = 0.2

[model]
kind = "single"

[gate]
metric = "log_loss"
"""


def test_settings_are_read(tmp_path: Path) -> None:
    """What the file says is what the object holds, the rest has defaults."""
    settings = read_settings(_file(tmp_path, SETTINGS))

    assert settings.tables["visits"].path == "visits.csv"
    assert settings.columns.numbers == ("pages",)
    assert settings.data.segment is None


@pytest.mark.parametrize(
    ("found", "instead", "sentence"),
    [
        ("seed = 1", "", "seed is missing"),
        ("seed = 1", "seed = 5000000000", "seed is 5000000000, expected less than 4294967296"),
        (
            "[split]",
            '[encoders]\nnumbers = ["power", "power"]\n[split]',
            "encoders.numbers: a kind is listed twice, or none is",
        ),
        (
            "[split]",
            "[encoders]\nnumbers = []\n[split]",
            "encoders.numbers: a kind is listed twice, or none is; name each once",
        ),
        (
            "[split]",
            '[encoders.networks.image]\npath = "x"\nmean = [1, 2]\n[split]',
            "encoders.networks.image.mean.2 is [1, 2], expected Field required",
        ),
        ("numbers =", "numbrs =", "columns.numbrs is no known setting; known here are numbers, categories, dates, text, image"),
        ("test_share = 0.2", "test_share = 2.0", "split.test_share is 2.0, expected less than 1"),
        ("test_share = 0.2", 'test_share = "half"', "split.test_share is 'half', expected a valid number"),
        ('"classification"', '"guessing"', "data.task is 'guessing', expected 'classification' or 'regression'"),
        ('path = "visits.csv"', 'file = "visits.csv"', "tables.visits.file is no known setting; known here are path, query"),
        ('{ path = "visits.csv" }', "{ }", "tables.visits: a table has exactly one of path, query, demo; found none of them"),
        ('path = "visits.csv"', 'query = "SELECT 1"', "tables.visits: query and database go together"),
        ('{ path = "visits.csv" }', '"pg://me:secret@db"', "tables.visits is 'pg://***@db', expected an object"),
        ('path = "visits.csv"', 'path = "visits.csv", watermark = "at"', "tables.visits: watermark goes with url"),
        ('path = "visits.csv"', 'query = "SELECT 1", url = "me:secret@db"', "tables.visits.url: expected a URL such as"),
        ('["pages"]', '["pages", "pages"]', "columns: 'pages' is listed twice"),
        ('["pages"]', "[]", "columns: no modality names a column"),
        ('["pages"]', '"pages"', "columns.numbers is 'pages', expected a valid array"),
        ('target = "bought"', 'target = "bought"\nsegment = "bought"', "data: target and segment are both 'bought'"),
        ("[split]", "[split", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, found: str, instead: str, sentence: str) -> None:
    """Unknown, missing, of the wrong type or out of range: the sentence names the key and says what was expected."""
    path = _file(tmp_path, SETTINGS.replace(found, instead, 1))

    with pytest.raises(SettingsError) as refused:
        read_settings(path)

    assert str(refused.value).startswith(f"{path}: {sentence}") or sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    """Whoever gets the settings gets them as they were read."""
    settings = read_settings(_file(tmp_path, SETTINGS))

    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 2


def test_a_part_of_the_settings_holds_no_other(tmp_path: Path) -> None:
    """A step that reads a section it did not declare fails, rather than being taken for fresh when that section changes."""
    part = read_settings(_file(tmp_path, SETTINGS)).only(["seed"])

    assert part.seed == 1
    with pytest.raises(AttributeError):
        part.gate  # noqa: B018 reading it is the test


def _file(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path
