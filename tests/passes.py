"""Test files of a project that are run once for all variants in which everything that they look for is the same.

The first variant runs such a file in its whole folder, and hears what it looks for. From then on it runs in a folder that holds
nothing else, so that a file it reads unheard is missed aloud there; and a pass counts wherever those files are the same, and
those that were looked for in vain aren't there either.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import forks
from filelock import FileLock
from project import CommandFailed, Project

# Each takes a second or more and reads no settings, which hardly two variants share: two fifths of a suite's time.
ALONE = (
    "tests/code/test_alerts.py",
    "tests/code/test_duckdb_store.py",
    "tests/code/test_encoders.py",
    "tests/code/test_feast_store.py",
    "tests/code/test_feature_store.py",
    "tests/code/test_gate.py",
    "tests/code/test_intervals.py",
    "tests/code/test_landing.py",
    "tests/code/test_prediction_log.py",
    "tests/code/test_reference_text.py",
    "tests/code/test_traffic.py",
    "tests/model/test_cascade.py",
    "tests/model/test_stale_parts.py",
)
# What they ask of servers, settings, the log, labels and the registry is nearly the same whatever a model reads and is. So they
# are run where it reads least and is a single one, with Feast, and where the default project is installed, whose model reads
# all and is a cascade. Elsewhere they would take as long as all the others together.
AT_A_CORNER = tuple(
    f"tests/code/test_{what}.py"
    for what in (
        *("api_cache", "api_candidate", "api_limits", "api_live", "api_process", "api_schema", "batch", "drift"),
        *("labels", "load", "monitor", "pipeline", "promotion", "quality", "reference", "staleness", "trial", "tune"),
    )
)
THE_CORNER = {"modalities": "tabular", "model": "single", "feature_store": "feast"}
READS = Path(__file__).with_name("reads.py")

Files = dict[str, bytes]


def without(tests: Iterable[str]) -> dict[str, str]:
    """The environment in which pytest leaves these files out."""
    return {"PYTEST_ADDOPTS": " ".join(f"--ignore={test}" for test in tests)}


def assert_passes(test: str, project: Project, shared: Path) -> None:
    """A test file passes: here, or where all that it looked for was as it is here.

    Raises:
        CommandFailed: It does not.
    """
    files = project.runtime()
    name = sha256(f"{project.python} {test} {options(files)!r}".encode()).hexdigest()
    kept = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"looked": [], "passes": []}
        if any(digests(files, passed) == passed for passed in known["passes"]):
            return
        looked = looked_for(test, project, files, set(known["looked"]))
        passes = [*known["passes"], digests(files, looked)] if known["looked"] else []
        kept.write_text(json.dumps({"looked": sorted(looked), "passes": passes}), encoding="utf-8")


def looked_for(test: str, project: Project, files: Files, known: set[str]) -> set[str]:
    """All that a test file looks for when it passes in a folder that holds nothing else; at first, in the whole folder."""
    while True:
        held = below(files, known or {"."})
        heard, failure = run_in(held, test, project)
        known = known | heard
        if below(files, heard).keys() <= held.keys():
            if failure:
                raise failure
            return known


def options(files: Files) -> bytes:
    """What pytest reads of pyproject.toml, nearly all of which differs between variants."""
    return b"".join(re.findall(rb"^\[tool\.pytest\..*?(?=^\[|\Z)", files["pyproject.toml"], re.MULTILINE | re.DOTALL))


def below(files: Files, paths: Iterable[str]) -> Files:
    """The files of these paths, and those in the folders of these paths."""
    return {
        name: content
        for name, content in files.items()
        if any(path in (".", name) or name.startswith(f"{path}/") for path in paths)
    }


def digests(files: Files, paths: Iterable[str]) -> dict[str, str]:
    """What there is at each path, be it a file, a folder or nothing."""
    return {path: sha256(repr(sorted(below(files, [path]).items())).encode()).hexdigest() for path in paths}


def run_in(files: Files, test: str, project: Project) -> tuple[set[str], CommandFailed | None]:
    """Run a test file with these files of a project only: what it looked for, and its failure."""
    with tempfile.TemporaryDirectory() as place:
        alone = only(files, project, Path(place) / "runtime")
        shutil.copy(READS, place)
        heard, said = Path(place) / "heard.json", Path(place) / "said.txt"
        (Path(place) / "pyproject.toml").write_bytes(options(project.runtime()))
        command = ["pytest", "-q", "-p", "no:cacheprovider", test]
        elsewhere = ["--rootdir", str(alone.folder), "-c", f"{place}/pyproject.toml"]
        environment = alone.environment()
        environment["PYTHONPATH"] += f":{place}"
        status = forks.run(["reads", str(heard), *command, *elsewhere], alone.folder, environment, said, python=project.python)
        printed = said.read_text(encoding="utf-8", errors="replace")
        paths = set(json.loads(heard.read_text(encoding="utf-8"))) if heard.exists() or not status else set()
    if not status:
        return paths, None
    where = f"in a folder that holds nothing but {', '.join(sorted(files))}:\n" if files != project.runtime() else ""
    return paths, project.failed(status, ["python", "-m", *command], where + printed)


def only(files: Files, of: Project, folder: Path) -> Project:
    """A folder with these files of a project, their modes as there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod((of.folder / name).stat().st_mode)
    return replace(of, folder=folder)
