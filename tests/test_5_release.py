"""A release is made by one command, or refused in one sentence with nothing changed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import commit, git
from conftest import ROOT
from history import releases

ENTRY = "## Unreleased\n\n### Added\n\n- Something.\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n"


@pytest.fixture
def clone(template: Path, tmp_path: Path) -> Path:
    """What a release touches, at its first release, with something new since."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "README.md"):
        shutil.copy(template / name, folder)
    shutil.copytree(template / "tools", folder / "tools")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n")
    commit(folder, "v0.1.0")
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{ENTRY}")
    commit(folder)
    return folder


def release(clone: Path, version: str, test: str = "true") -> subprocess.CompletedProcess[str]:
    """Type `make release` with another command in the place of the tests."""
    words = ["make", "--no-print-directory", "release", f"VERSION={version}", f"TEST={test}"]
    return subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False)


def state(clone: Path) -> tuple[str, str, str, list[bytes]]:
    """All that a release may change."""
    files = [path.read_bytes() for path in sorted(clone.glob("*")) if path.is_file()]
    return git(clone, "rev-parse", "HEAD"), git(clone, "tag"), git(clone, "status", "--porcelain"), files


@pytest.mark.parametrize("version", ["0.1.1", "0.2.0", "0.10.0", "1.0.0"])
def test_release_is_tagged(version: str, clone: Path) -> None:
    """The changelog has a dated section, the version is set, and an annotated tag names the one commit that says so."""
    before = git(clone, "rev-parse", "HEAD")
    ran = release(clone, version, f"sh -c 'test -d .git && git tag > ../tags-{version}'")
    changelog = (clone / "CHANGELOG.md").read_text()

    assert 0 == ran.returncode, ran.stderr
    assert "v0.1.0\n" == (clone.parent / f"tags-{version}").read_text()
    assert re.search(
        rf"^## Unreleased\n\n## {version} \(\d{{4}}-\d\d-\d\d\)\n\n### Added\n\n- Something.\n", changelog, re.MULTILINE
    )
    assert f'version = "{version}"' in (clone / "pyproject.toml").read_text()
    assert f"--checkout v{version}\n" in (clone / "README.md").read_text()
    assert "tag" == git(clone, "cat-file", "-t", f"v{version}")
    assert [git(clone, "rev-parse", f"v{version}^{{commit}}"), before] == git(clone, "rev-list", "-2", "HEAD").split()
    assert "" == git(clone, "status", "--porcelain")


def test_second_release_needs_something_new(clone: Path) -> None:
    """What was released is not released again under another number."""
    assert 0 == release(clone, "0.2.0").returncode
    assert "no entry under Unreleased" in release(clone, "0.3.0").stderr


@pytest.mark.parametrize(
    ("version", "test", "found"),
    [
        ("", "true", "MAJOR.MINOR.PATCH"),
        ("v0.2.0", "true", "MAJOR.MINOR.PATCH"),
        ("0.2", "true", "MAJOR.MINOR.PATCH"),
        ("0.02.0", "true", "MAJOR.MINOR.PATCH"),
        ("0.2.0rc1", "true", "MAJOR.MINOR.PATCH"),
        ("0.1.0", "true", "v0.1.0 is released"),
        ("0.0.9", "true", "v0.1.0 is released"),
        ("0.2.0", "false", "passes its tests"),
        ("0.2.0", "touch made-by-tests", "has changed files"),
    ],
)
def test_release_is_refused(version: str, test: str, found: str, clone: Path) -> None:
    """A wrong or old version, and tests that fail or leave something, are told in one sentence."""
    before = state(clone)
    ran = release(clone, version, test)
    (clone / "made-by-tests").unlink(missing_ok=True)

    assert 0 != ran.returncode
    assert found in sentence(ran)
    assert before == state(clone)


def test_dirty_tree_is_not_released(clone: Path) -> None:
    """Neither a changed file nor a new one."""
    for name in ("Makefile", "new.md"):
        with (clone / name).open("a") as file:
            file.write("\n# more\n")
        before = state(clone)

        assert "uncommitted changes" in sentence(release(clone, "0.2.0"))
        assert before == state(clone)
        git(clone, "reset", "--hard", "--quiet")


def test_nothing_new_is_not_released(clone: Path) -> None:
    """Headings without an entry are no news."""
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n### Added\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n")
    commit(clone)
    before = state(clone)

    assert "no entry under Unreleased" in sentence(release(clone, "0.2.0"))
    assert before == state(clone)


def test_commit_that_git_refuses_leaves_nothing(clone: Path) -> None:
    """A hook of git's that says no leaves the changelog and the version as they were."""
    hook = clone / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    before = state(clone)

    assert "git does not commit: not today" in sentence(release(clone, "0.2.0"))
    assert before == state(clone)


def test_changelog_tells_of_every_release() -> None:
    """Each tag has a dated section, so that who updates can read what the update brings."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = re.findall(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)$", changelog, re.MULTILINE)

    assert set() == {tag.removeprefix("v") for tag in releases(ROOT)} - set(told)


def sentence(ran: subprocess.CompletedProcess[str]) -> str:
    """What a refusal says: one line, beside make's own."""
    (line,) = (line for line in ran.stderr.splitlines() if not line.startswith("make"))
    return line
