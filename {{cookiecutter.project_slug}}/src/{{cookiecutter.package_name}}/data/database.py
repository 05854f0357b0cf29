"""A database that a URL names: its address filled in from the environment, its complaints told without what came from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..tables import VARIABLE
from .sources import SourceError

if TYPE_CHECKING:
    from sqlalchemy import Connection


@contextmanager
def connected(name: str, url: str) -> Iterator[Connection]:
    """A connection that is never committed; what fails while it is open is told in one sentence.

    Args:
        name: of the table, for the message.
        url: as settings.toml has it, with `${NAME}` for environment variables.

    Raises:
        SourceError: a variable is not set, the driver is not installed, or the database refuses.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    address = _address(name, url)
    try:
        engine = create_engine(address, poolclass=NullPool, hide_parameters=True)
    except (ImportError, NoSuchModuleError, ValueError) as error:  # ValueError: the port, which the message would quote
        raise SourceError(f"settings.toml: tables.{name}: {_unusable(url, error)}") from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        reason = next(iter(str(getattr(error, "orig", None) or error).splitlines()), type(error).__name__)
        raise SourceError(
            f"settings.toml: tables.{name}: the database refuses: {_scrubbed(reason, url)}; see that it can be reached, or "
            "mend url or query"
        ) from None


def _address(name: str, url: str) -> str:
    """The URL with the variables' values, quoted where a secret stands, so that no letter of it is taken for a sign.

    Raises:
        SourceError: a variable is not set, or holds a user and password where a host belongs.
    """
    absent = [variable for variable in VARIABLE.findall(url) if not os.environ.get(variable)]
    if absent:
        raise SourceError(
            f"settings.toml: tables.{name}: url needs the environment variable {absent[0]}, which is not set; set it"
        )
    user, at, place = url.rpartition("@")
    host, mark, options = place.partition("?")
    if any("@" in os.environ[variable] for variable in VARIABLE.findall(host)):
        raise SourceError(
            f"settings.toml: tables.{name}: a variable of url holds an @; give user and password variables of their own"
        )
    plain = VARIABLE.sub(lambda found: os.environ[found[1]], host)
    return _quoted(user) + at + plain + mark + _quoted(options)


def _quoted(text: str) -> str:
    return VARIABLE.sub(lambda found: quote(os.environ[found[1]], safe=""), text)


def _scrubbed(text: str, url: str) -> str:
    """The text without any value that the URL took from the environment, the longest first."""
    values = {os.environ[variable] for variable in VARIABLE.findall(url)}
    for value in sorted(values | {quote(value, safe="") for value in values}, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _unusable(url: str, error: Exception) -> str:
    scheme = url.partition(":")[0]
    if isinstance(error, ImportError):
        known = f"install it by `uv add {error.name}`" if "+" in scheme else "name one in url, as in mysql+pymysql://"
        how = "install it by `uv sync --extra postgresql`" if scheme.startswith("postgresql") else known
        return f"the driver {error.name} is not installed; {how}"
    return (
        "url is none that SQLAlchemy knows; write one such as postgresql+psycopg://reader:${SHOP_PASSWORD}@db.example.com/shop"
    )
