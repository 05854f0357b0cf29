"""The template as a user gets it, a renderer, and a git that is nobody's."""

import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from commands import commit, copy_sources
from evidence import Evidence
from filelock import FileLock
from project import FEAST, Project, command_that_makes, compiled_once
from variants import Answers, each_pair, every_variant, name_of

ROOT = Path(__file__).parents[1]

Render = Callable[..., Project]
Rendered = Callable[[Answers], Project]
Record = Callable[[str, object], None]
Caches = Callable[[Project], dict[str, str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how much of the space of answers is gone through, and that nothing of it may be left out."""
    words = (
        "go through these variants, and fail if one of them was not rendered, checked and run; without it: pairs, and no floor"
    )
    parser.addoption("--variants", choices=["all", "pairs"], help=words)


def chosen(config: pytest.Config) -> list[Answers]:
    """The variants of this run."""
    return every_variant() if config.getoption("--variants") == "all" else each_pair()


def pytest_configure(config: pytest.Config) -> None:
    """Gather evidence where results are reported, which is not in a worker of xdist's."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Evidence(chosen(config), floor=config.getoption("--variants") is not None))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `variant` is run for each of them."""
    if "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", chosen(metafunc.config), ids=name_of)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where workers share the tests, files of long ones, which come last, come first: at the end, short ones fill the time."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path, reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure of whatever kind names the command that makes its variant again."""
    report = yield
    variant = item.funcargs.get("variant")
    if report.failed and isinstance(variant, dict):
        report.sections.append(("this variant", command_that_makes(variant)))
    return report


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """The template's files, those that git ignores left out, in a folder of their own and without history."""
    return once(shared / "template", lambda copy: copy_sources(ROOT, copy))


@pytest.fixture(scope="session")
def rendered(template: Path, shared: Path) -> Rendered:
    """Finds what copier makes of a variant, rendered once for all workers; nothing is to be run in it or changed."""

    def renders(answers: Answers) -> Project:
        place = once(shared / "rendered" / name_of(answers), lambda folder: Project.render("copier", template, answers, folder))
        return Project(place / "project", answers)

    return renders


def once(folder: Path, fills: Callable[[Path], object]) -> Path:
    """A folder that the first worker to come here fills, and later ones find."""
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            shutil.rmtree(part := folder.with_name(f"{folder.name}.part"), ignore_errors=True)
            fills(part)
            part.rename(folder)
    return folder


@pytest.fixture
def released(template: Path, tmp_path: Path) -> Path:
    """A repository of the template with a release, as a clone has it."""
    folder = shutil.copytree(template, tmp_path / "template")
    commit(folder, "v0.1.0")
    return folder


@pytest.fixture
def render(template: Path, tmp_path: Path) -> Render:
    """Renders the template: `render("copier", model="single")`."""
    made = 0

    def renders(tool: str, /, **answers: str) -> Project:
        nonlocal made
        made += 1
        return Project.render(tool, template, Answers(answers), tmp_path / f"{made}-{tool}")

    return renders


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Caches:
    """Where mypy keeps what it knows of the libraries, which takes it seconds to learn, from one variant to the next.

    Those of another environment are others, and would push each other out.
    """
    mypy, hooks = tmp_path_factory.mktemp("mypy"), tmp_path_factory.mktemp("pre-commit")
    return lambda project: {
        "MYPY_CACHE_DIR": str(mypy / ("feast" if project.python == FEAST else "default")),
        "PRE_COMMIT_HOME": str(hooks),
    }


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Generator[None]:
    """Renders of this process compile a text once."""
    with compiled_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _nobody(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Git has an identity, and the tools read and write no configuration of whoever runs the tests."""
    home = tmp_path_factory.mktemp("nobody")
    (home / "cookiecutter.yml").write_text(f"replay_dir: {home}/replay\ncookiecutters_dir: {home}/clones\n")
    (home / "gitconfig").write_text("[user]\nname = Nobody\nemail = nobody@example.com\n[init]\ndefaultBranch = main\n")
    (home / "settings.yml").write_text("{}\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COOKIECUTTER_CONFIG", str(home / "cookiecutter.yml"))
        environment.setenv("COPIER_CACHE_DIR", str(home / "mirrors"))
        environment.setenv("COPIER_SETTINGS_PATH", str(home / "settings.yml"))
        environment.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        environment.setenv("OMP_NUM_THREADS", "1")  # the tests run beside each other, where threads of one wait for the other
        environment.delenv("VIRTUAL_ENV", raising=False)
        # A container's: with it, each process compiles anew all that it imports.
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield home
