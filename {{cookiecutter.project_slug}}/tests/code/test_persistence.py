"""Files of fitted estimators: one that somebody else wrote, or that broke, runs nothing and is one sentence."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }}.model import persistence
from {{ cookiecutter.package_name }}.model.persistence import SUFFIXES, BundleError, SavedAs, file_of, load, save

SCALER = StandardScaler().fit([[0.0], [1.0]])


@pytest.mark.parametrize("saved_as", SUFFIXES)
def test_what_was_saved_is_loaded(tmp_path: Path, saved_as: SavedAs) -> None:
    """It gives the same numbers."""
    path = file_of(tmp_path, "scaler", saved_as)
    save(SCALER, path)

    assert SCALER.transform([[3.0]]).tolist() == load(path).transform([[3.0]]).tolist()


def test_what_skops_cannot_hold_is_one_sentence(tmp_path: Path) -> None:
    """It names the setting that helps, and its price."""
    with pytest.raises(BundleError, match=r'skops cannot save ndarray: .* model.saved_as = "joblib" .* execute'):
        save(np.zeros(1, dtype=[("a", object)]), file_of(tmp_path, "a", "skops"))


def _node(kind: str, name: str, **rest: Any) -> dict[str, Any]:
    module, _, own = name.rpartition(".")
    return {"__loader__": f"{kind}Node", "__module__": module, "__class__": own, **rest}


def _json(value: Any) -> dict[str, Any]:
    return _node("Json", "builtins.str", content=json.dumps(value))


def _list(*nodes: dict[str, Any]) -> dict[str, Any]:
    return _node("List", "builtins.list", content=list(nodes))


def _array(number: int = 1) -> dict[str, Any]:
    return _node("NdArray", "numpy.ndarray", type="numpy", file="0.npy", __id__=number)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip(members: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return gzip.compress(stream.getvalue())


def _skops(schema: dict[str, Any], **members: bytes) -> bytes:
    """A file as skops writes it."""
    return _zip({"schema.json": json.dumps({"protocol": 2, **schema}).encode(), **members})


def _pickle(command: str) -> bytes:
    return f"cos\nsystem\n(V{command}\ntR.".encode()


OBJECTS = _npy(np.zeros(1))[:128].replace(b"'<f8'", b"'|O' ")
# A command, and a file that would run it.
FORGED: dict[str, Callable[[str], bytes]] = {
    "pickle": _pickle,
    "packed pickle": lambda command: gzip.compress(_pickle(command)),
    "array": lambda command: _skops(_array(), **{"0.npy": OBJECTS + _pickle(command)}),
    "constructor": lambda command: _skops(_node("ConstructorFromReduce", "os.system", content=_list(_json(command)))),
    "loss": lambda command: _skops(
        _node("Loss", "os.system", content=_json(None), __reduce__={"args": _list(_json(command))}, __id__=1)
    ),
    "key": lambda command: _skops(
        _node("Dict", "builtins.dict", key_types=_list(_node("Type", "os.system")), content={command: _json(1)})
    ),
    "function": lambda command: _skops(_node("Function", "os.system")),
    "object": lambda command: _skops(_node("Object", "subprocess.Popen", content=_json({"args": command}))),
}


@pytest.mark.parametrize("forged", FORGED)
def test_nothing_in_a_file_is_executed(tmp_path: Path, forged: str) -> None:
    """Not while it is read, and it is not given back either."""
    marker, path = tmp_path / "marker", file_of(tmp_path, "evil", "skops")
    path.write_bytes(FORGED[forged](f"echo ran > {marker.as_posix()}"))

    with pytest.raises(BundleError, match=r"restore it or retrain|list them in") as refused:
        load(path)
    assert "\n" not in str(refused.value)
    assert not marker.exists()


ONE = _json(1)
# What is done to a whole file, and what is said of it then.
BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda whole: whole[:-10], "its end is missing"),
    "flipped": (lambda whole: whole[:400] + bytes([whole[400] ^ 1]) + whole[401:], "no model that can be read"),
    "empty": (lambda whole: b"", "its end is missing"),
    "unpacked": (gzip.decompress, "no model that can be read"),
    "no zip": (lambda whole: gzip.compress(b"text"), "File is not a zip file"),
    "no schema": (lambda whole: _zip({}), "schema.json"),
    "no JSON": (lambda whole: _zip({"schema.json": b"{"}), "JSONDecodeError"),
    "no object": (lambda whole: _zip({"schema.json": b"[]"}), "AttributeError"),
    "too deep": (lambda whole: _zip({"schema.json": b"[" * 50_000}), "RecursionError"),
    "unknown kind": (lambda whole: _skops(_node("SparseMatrix", "a.b")), "parts of the kind SparseMatrixNode"),
    "short array": (lambda whole: _skops(_array(), **{"0.npy": _npy(np.ones(9))[:-8]}), "no model that can be read"),
    "../": (lambda whole: _skops(ONE, **{"../a.npy": b""}), r"a member named '\.\./a\.npy'"),
    "root": (lambda whole: _skops(ONE, **{"/a.npy": b""}), "a member named '/a.npy'"),
    "drive": (lambda whole: _skops(ONE, **{"C:a.npy": b""}), "a member named 'C:a.npy'"),
    "backslash": (lambda whole: _skops(ONE, **{"..\\a.npy": b""}), "a member named"),
    "bomb": (lambda whole: gzip.compress(bytes(10**6)), "as a bomb does"),
    "packed twice": (lambda whole: _zip({"schema.json": json.dumps(ONE).encode()}, zipfile.ZIP_DEFLATED), "packed once more"),
    "one member often": (
        lambda whole: _skops(_list(*map(_array, range(1, 9))), **{"0.npy": _npy(np.random.default_rng(0).random(999))}),
        "again and again",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Whatever zlib, zipfile, json, numpy and skops make of it."""
    monkeypatch.setattr(persistence, "SMALL", 10**5)
    broken, sentence = BROKEN[case]
    path = file_of(tmp_path, "scaler", "skops")
    save(SCALER, path)
    path.write_bytes(broken(path.read_bytes()))

    with pytest.raises(BundleError, match=sentence) as refused:
        load(path)
    assert "\n" not in str(refused.value)
