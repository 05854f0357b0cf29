"""The section of raw tables: where each comes from, and that no password stands in settings.toml."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import unquote

from pydantic import Field, field_validator, model_validator

from .sections import Section

VARIABLE = re.compile(r"\$\{(\w+)\}")  # of the environment, in a url
SECRET = re.compile(r"://[^:/]*:([^@]*)@|[?&;]\w*(?:pass|pwd|secret|token)\w*=([^&;]*)", re.IGNORECASE)  # where a url holds one


class Table(Section):
    """Where one raw table comes from: files, a query to a DuckDB file or to a database by its URL, or the demo generator."""

    path: str | None = None
    query: str | None = None
    database: str | None = None
    url: str | None = None
    watermark: str | None = None
    demo: int | None = Field(default=None, ge=200)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in ("path", "query", "demo") if getattr(self, name) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            raise ValueError(f"a table has exactly one of path, query, demo; found {found}")
        if (self.query is None) != (self.database is None and self.url is None) or (self.database and self.url):
            raise ValueError("query and database go together, or query and url; give both, or a path instead")
        if self.watermark is not None and self.url is None:
            raise ValueError("watermark goes with url; take it out, what is no database's is read whole")
        return self

    @field_validator("url")
    @classmethod
    def _no_secret(cls, url: str | None) -> str | None:
        """A password belongs to the environment: what stands here is copied into manifests."""
        if url is None:
            return None
        if not re.match(r"\w[\w+]*://", url):
            raise ValueError(
                "expected a URL such as postgresql+psycopg://reader:${SHOP_PASSWORD}@db.example.com/shop; change it"
            )
        found = [found[1] or found[2] or "" for text in (url, unquote(url)) for found in SECRET.finditer(text)]
        if any(secret and not VARIABLE.fullmatch(secret) for secret in found):
            raise ValueError(
                "a password stands here; put it into the environment, and its variable here, such as ${SHOP_PASSWORD}"
            )
        return url
