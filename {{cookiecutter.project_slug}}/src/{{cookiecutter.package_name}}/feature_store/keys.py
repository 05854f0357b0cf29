"""The keys of entities, as a store holds them: whole numbers of 64 bits or text, and never one for the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .views import ViewError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Key = int | str
TYPES = {"int": int, "str": str}
KINDS = dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), "int")
KINDS |= {"float": "float", "double": "float", "string": "str", "large_string": "str"}


def key_column(labels: pd.DataFrame, name: str, type_: str) -> pa.Array:
    """A key column of some labels in the store's type.

    Raises:
        ViewError: it is absent, or of another type: a join would match nothing, or what nobody meant.
    """
    import pyarrow as pa

    if name not in labels:
        raise ViewError(f"features are keyed by {name!r}, which the rows do not have; add that column")
    try:
        held = pa.array(labels[name], from_pandas=True)
        if pa.types.is_dictionary(held.type):
            held = held.dictionary_decode()
        found = KINDS.get(str(held.type), str(held.type))
        if found in (type_, "null") or (type_, found) == ("int", "float"):  # a null among numbers makes them floats
            return held.cast(pa.int64() if type_ == "int" else pa.string())
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        found = str(error).splitlines()[0]
    raise ViewError(f"{name!r} is {found} in the rows and {type_} in the feature store; cast one of them in SQL")


def key_values(keys: Sequence[str], types: Sequence[type], entity: Mapping[str, Key | None]) -> tuple[Key | None, ...]:
    """The values of an entity's key, in the order of its columns.

    Raises:
        ViewError: one is absent, or of another type.
    """
    try:
        values = tuple([entity[name] for name in keys])
    except KeyError as missing:
        raise ViewError(f"an entity has no {missing}; give {', '.join(keys)} for these features") from None
    for name, value, wanted in zip(keys, values, types, strict=True):
        if type(value) is not wanted and value is not None:
            raise ViewError(f"{name!r} is {value!r:.60}, which is {type(value).__name__}; the store's is {wanted.__name__}")
        if type(value) is str and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ViewError(f"{name!r} is {value!r:.60}, which is half a letter; mend the key")
        if type(value) is int and not -(2**63) <= value < 2**63:
            raise ViewError(f"{name!r} is {value!r:.60}, which is no whole number of 64 bits; mend the key")
    return values
