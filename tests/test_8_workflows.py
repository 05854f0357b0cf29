"""The workflows of a project, run: what each does when all is well, and which job goes red, or is left out, when it is not."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import github_actions
import gitlab_ci
import pandas as pd
import pytest
from commands import commit, git
from conftest import Caches
from forge import Forge, Job, UnknownHere
from github_actions import evaluated
from project import Project
from variants import SUPPORTED

FEW = {"tests/code": "test_digests.py", "tests/model": "test_answers.py", "tests/data": "test_demo.py"}
SMALL = (
    (r"demo = \d+", "demo = 1600"),
    (r"boosting_rounds = \d+", "boosting_rounds = 10"),
    (r'approve = "gate"', 'approve = "hand"'),
)
# What happens, as each service tells it, and what it is about.
GITHUB = {
    "merge request": github_actions.Event("pull_request"),
    "push": github_actions.Event("push"),
    "tag": github_actions.Event("push", tag=True),
    "train": github_actions.Event("schedule"),
    "monitor": github_actions.Event("schedule"),
    "template-update": github_actions.Event("schedule"),
    "by hand": github_actions.Event("workflow_dispatch", inputs={"tag": "v0.2.0"}),
}
GITLAB = {
    "merge request": gitlab_ci.Event("merge_request_event"),
    "push": gitlab_ci.Event("push"),
    "tag": gitlab_ci.Event("push", tag=True),
    **{name: gitlab_ci.Event("schedule", variables={"SCHEDULE": name}) for name in ("train", "monitor", "template-update")},
}
OF = {
    "merge request": "ci",
    "tag": "release",
    "push": "train",
    "by hand": "release",
}  # workflows that an event starts, of which one is meant


@dataclass(frozen=True)
class Service:
    """A forge, and what happens there."""

    ci: str
    forge: Forge
    place: Path
    happened: list[str] = field(default_factory=list)

    def happens(self, what: str, *jobs: str, ref: str = "main") -> dict[str, Job]:
        """Run what follows from it; with names, those jobs alone."""
        place, wanted = self.place / str(len(self.happened)), jobs or None
        self.happened.append(what)
        changed = github_actions.changed_by_the_last_commit(self.forge) if what == "push" else ()
        if self.ci == "gitlab":
            return gitlab_ci.run(self.forge, replace(GITLAB[what], ref=ref, changed=changed), place, wanted)
        event = replace(GITHUB[what], ref=ref, changed=changed)
        return github_actions.run(self.forge, event, place, [OF.get(what, what)], wanted)[OF.get(what, what)]

    def copy(self, place: Path, **variables: str) -> "Service":
        """The same, to be changed; with other variables of its owner."""
        shutil.copytree(self.forge.folder, place / "forge", symlinks=True)
        forge = replace(self.forge, folder=place / "forge", variables=self.forge.variables | variables)
        return Service(self.ci, forge, place / "jobs")

    def state(self) -> Path:
        """The newest state in the cache."""
        caches = [path for path in (self.forge.folder / "cache").glob("state*") if (path / "models").exists()]
        return max(caches, key=lambda path: path.stat().st_mtime_ns)

    def promoted(self) -> str | None:
        """The model that answers, as the cache has it."""
        current = self.state() / "models" / "current.json"
        return str(json.loads(current.read_text(encoding="utf-8"))["version"]) if current.exists() else None


@pytest.fixture(scope="module", params=SUPPORTED["ci"])
def fresh(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory, caches: Caches) -> Service:
    """A small project, just committed, in which a hand approves; of its tests few are left, for all are run elsewhere."""
    place = tmp_path_factory.mktemp(request.param)
    answers = {"modalities": "tabular", "model": "single", "ci": request.param}
    project = Project.render("copier", template, answers, place / "rendered")
    project.edit_settings(*SMALL)
    for folder, kept in FEW.items():
        for test in (project.folder / folder).glob("test_*.py"):
            if test.name != kept:
                test.unlink()
    forge = Forge.of(project, place / "forge")
    secrets = {"BOT_TOKEN": "bot", "ALERT_KEY": "key"}
    return Service(request.param, replace(forge, secrets=secrets, given=caches(project)), place / "jobs")


@pytest.fixture(scope="module")
def trained(fresh: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The same after its first training, whose model waited, was offered, merged and promoted."""
    service = fresh.copy(tmp_path_factory.mktemp("trained"))
    jobs = service.happens("train", "train", "propose")
    assert {"success"} == {job.result for job in jobs.values()}, printed(jobs)
    assert service.promoted() is None
    version = git(service.forge.origin, "show", "model:approved-model.txt")
    assert f"Let model {version} answer" == git(service.forge.origin, "log", "-1", "--format=%s", "model")
    service.forge.merge("model")
    approved = service.happens("push", "approve")
    assert "success" == approved["approve"].result, printed(approved)
    assert version == service.promoted()
    return service


def printed(jobs: Mapping[str, Job]) -> str:
    """What jobs printed, for a message."""
    return "\n".join(f"{name}: {job.result}\n{job.printed}" for name, job in jobs.items())


def results(jobs: Mapping[str, Job]) -> dict[str, str]:
    """How each job ended."""
    return {name: job.result for name, job in jobs.items()}


def test_a_change_is_checked(fresh: Service) -> None:
    """Lint, types, tests of code, data and model, and a whole run: a green job each, before a change is merged."""
    jobs = fresh.happens("merge request")

    parts = ["check", "test code", "test data", "test model", "test test_whole_run.py", "test"]
    assert dict.fromkeys(parts, "success") == results(jobs), printed(jobs)
    assert "import-linter" not in jobs["check"].printed
    assert all("passed" in jobs[part].printed for part in parts[1:-1])


FAULTS: dict[str, tuple[str, str, str, str]] = {
    "lint": ("src/next_pick/scrap.py", '"""Scrap."""\n\nimport os\n', "check", "F401"),
    "syntax": ("src/next_pick/scrap.py", '"""Scrap."""\n\nx = (\n', "check", "invalid-syntax"),
    "test": (
        "tests/data/test_demo.py",
        '"""Scrap."""\n\n\ndef test_it() -> None:\n    """It."""\n    assert [] == [1]\n',
        "test data",
        "1 failed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_red(fault: str, fresh: Service, tmp_path: Path) -> None:
    """And it is the job that looks for it that goes red."""
    service = fresh.copy(tmp_path)
    file, text, job, said = FAULTS[fault]
    service.forge.edit({file: text})
    red = service.happens("merge request", job)[job]

    assert ("failure", True) == (red.result, said in red.printed), red.printed


def test_a_model_waits_for_a_hand(trained: Service) -> None:
    """It was offered once, with what the registry says of it, and answers nobody until that was merged."""
    if trained.ci == "github":
        (pull,) = trained.forge.kept("pulls")
        assert ("model", f"Let model {trained.promoted()} answer") == (pull["head"], pull["title"])
        assert trained.promoted() in pull["body"]
    else:
        options = (trained.forge.folder / "push-options").read_text(encoding="utf-8").splitlines()
        assert ["merge_request.create", f"merge_request.title=Let model {trained.promoted()} answer"] == options[:2]


def test_nothing_due_is_left_out(trained: Service, tmp_path: Path) -> None:
    """With the state of the last run and no news, `due` says so, no step runs and nothing is offered."""
    service = trained.copy(tmp_path)
    jobs = service.happens("train", "train", "propose")

    assert "skip: nothing of" in jobs["train"].printed, printed(jobs)
    assert "ingest" not in jobs["train"].printed
    assert "success" == jobs["train"].result
    assert "skipped" == jobs["propose"].result or "No model waits for a hand." in jobs["propose"].printed


def test_a_worse_candidate_is_not_promoted(trained: Service, tmp_path: Path) -> None:
    """Models that learn hardly anything are trained, for settings have changed; none is promoted or offered."""
    service = trained.copy(tmp_path)
    settings = git(service.forge.origin, "show", "main:settings.toml")
    worse, count = re.subn(r"^(regularization|boosting_rounds) = [\d.]+", r"\1 = 1e-9", settings, flags=re.MULTILINE)
    worse = worse.replace("boosting_rounds = 1e-9", "boosting_rounds = 1")
    assert 2 == count
    service.forge.edit({"settings.toml": worse.replace('approve = "hand"', 'approve = "gate"') + "\n"})
    jobs = service.happens("train", "train", "propose")

    assert "success" == jobs["train"].result, printed(jobs)
    assert "fit: done" in jobs["train"].printed
    assert trained.promoted() == service.promoted()
    assert "skipped" == jobs["propose"].result or "No model waits for a hand." in jobs["propose"].printed


@pytest.fixture
def watched(trained: Service, tmp_path: Path) -> Callable[[bool], Service]:
    """The trained project with a store of its owner's, in which answers lie, to rows that have changed or have not."""

    def made(changed: bool) -> Service:
        store = tmp_path / "store"
        shutil.copytree(trained.state(), store)
        folders = " ".join(["artifacts", "feature_store", "models", "monitoring", "predictions"])
        service = trained.copy(
            tmp_path,
            STATE_PULL=f"cp -a {store}/. .",
            STATE_PUSH=f"cp -a {folders} {store}/",
            ALERT_URL="https://gitlab.example.com/alerts/notify.json",
        )
        clone = service.forge.clone("main", tmp_path / "asked" / "project", depth=1)
        shutil.copytree(store, clone, dirs_exist_ok=True)
        project = Project(clone, trained.forge.answers)
        rows = pd.read_parquet(clone / "artifacts" / "ingest" / "requests.parquet").drop_duplicates("user_id").tail(400)
        rows.assign(**{"device": "headset"} if changed else {}).to_parquet(clone / "rows.parquet")
        project.warm(project.package, "score", "rows.parquet", "answers.parquet")
        shutil.copytree(clone / "predictions", store / "predictions")
        return service

    return made


def test_an_alarm_is_one_issue_and_asks_for_a_run(watched: Callable[[bool], Service], tmp_path: Path) -> None:
    """Rows drift: the monitor tells it in one issue, however often it looks, and training is asked for, whose `due` agrees."""
    service = watched(True)
    first, second = (service.happens("monitor", "monitor", "alarm") for _ in range(2))

    assert [{"monitor": "success", "alarm": "success"}] * 2 == [results(first), results(second)], printed(first)
    if service.ci == "github":
        (issue,) = service.forge.kept("issues")
        assert [True, True] == ["distribution of device" in text for text in issue["texts"]]
        assert [["gh", "workflow", "run", "train.yml"]] * 2 == service.forge.calls("gh", "workflow")
    else:
        assert ["monitor"] == list(incidents := service.forge.kept("incidents"))
        assert [True, True] == ["distribution of device" in alert["description"] for alert in incidents["monitor"]]
    state = json.loads((tmp_path / "store" / "monitoring" / "state.json").read_text(encoding="utf-8"))
    assert "device" in state["drift"]


def test_a_quiet_monitor_tells_nobody(watched: Callable[[bool], Service]) -> None:
    """Rows as ever: no issue, no incident, no run."""
    service = watched(False)
    jobs = service.happens("monitor", "monitor", "alarm")

    assert "success" == jobs["monitor"].result, printed(jobs)
    assert "skipped" == jobs["alarm"].result or "The monitor is quiet." in jobs["alarm"].printed
    assert ([], [], []) == (
        service.forge.kept("issues"),
        service.forge.kept("incidents"),
        service.forge.calls("gh", "workflow"),
    )


def test_without_a_store_nothing_is_monitored(trained: Service, tmp_path: Path) -> None:
    """Where no answers are kept, a schedule has nothing to look at and raises no alarm."""
    jobs = trained.copy(tmp_path).happens("monitor", "monitor", "alarm")

    assert {"skipped"} >= {job.result for job in jobs.values()}


def test_a_release_is_built_deployed_and_rolled_back(trained: Service, tmp_path: Path) -> None:
    """A tag becomes an image with the model that answers; one whose deployment fails gives way to the release before.

    GitHub does so later too, when somebody names the release that turned out bad; in GitLab a job is run again.
    """
    deployed = tmp_path / "deployed"
    service = trained.copy(tmp_path, DEPLOY=f'test "$TAG" != v0.2.0; echo "$IMAGE" >>{deployed}')
    service.forge.edit({"NEWS": "one\n"}, "v0.1.0")
    first = service.happens("tag", ref="v0.1.0")
    service.forge.edit({"NEWS": "two\n"}, "v0.2.0")
    second = service.happens("tag", ref="v0.2.0")

    done = {"bundle": "success", "build": "success", "deploy": "success", "rollback": "skipped"}
    assert done == results(first), printed(first)
    assert done | {"deploy": "failure", "rollback": "success"} == results(second), printed(second)
    name = "ghcr.io/ada/next-pick" if service.ci == "github" else "registry.gitlab.example.com/ada/next-pick"
    assert [f"{name}:v0.1.0"] * 2 == deployed.read_text(encoding="utf-8").splitlines()
    if service.ci == "github":
        assert {"rollback"} == {job for job, how in results(service.happens("by hand")).items() if how == "success"}
        assert [f"{name}:v0.1.0"] * 3 == deployed.read_text(encoding="utf-8").splitlines()
    built = [{"tag": f"{name}:{tag}", "model": trained.promoted()} for tag in ("v0.1.0", "v0.2.0")]
    assert built == service.forge.kept("images")


def test_an_altered_model_is_not_released(trained: Service, tmp_path: Path) -> None:
    """What does not prove itself gets into no image."""
    service = trained.copy(tmp_path)
    service.forge.edit({"NEWS": "one\n"}, "v0.1.0")
    model = next((service.state() / "models" / str(service.promoted())).glob("pipeline*"))
    model.write_bytes(model.read_bytes()[:-100])
    jobs = service.happens("tag", ref="v0.1.0")

    assert ("failure", "skipped") == (jobs["bundle"].result, jobs["build"].result)
    assert service.forge.kept("images") == []


def test_an_update_of_the_template_is_offered(fresh: Service, template: Path, tmp_path: Path) -> None:
    """What the template has learned comes as a branch to be merged; when there is nothing new, nothing comes."""
    source = shutil.copytree(template, tmp_path / "template")
    commit(source, "v0.1.0")
    project = Project.render("copier", source, fresh.forge.answers, tmp_path / "rendered")
    service = Service(fresh.ci, replace(Forge.of(project, tmp_path / "forge"), secrets=fresh.forge.secrets), tmp_path / "jobs")
    page = source / "{{cookiecutter.project_slug}}" / "docs" / "feature-store.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nA new line.\n", encoding="utf-8")
    commit(source, "v0.2.0")
    jobs = service.happens("template-update")

    assert {"success"} == {job.result for job in jobs.values()}, printed(jobs)
    changed = git(service.forge.origin, "diff", "--name-only", "main", "template-update").splitlines()
    assert [".copier-answers.yml", "docs/feature-store.md"] == changed
    service.forge.merge("template-update")
    assert "The template has nothing new." in printed(service.happens("template-update"))


def test_what_an_owner_sets_is_told(fresh: Service, tmp_path: Path) -> None:
    """Each variable and each secret that the workflows read stands in the page about them."""
    clone = fresh.forge.clone("main", tmp_path / "clone", depth=1)
    files = [clone / "ci.mk", *clone.glob(".gitlab*"), *clone.glob(".gitlab/*"), *clone.glob(".github/workflows/*")]
    text = "".join(path.read_text(encoding="utf-8") for path in files if path.is_file())
    read = set(re.findall(r"(?:vars\.|secrets\.|\$\$\{?)([A-Z]+_?[A-Z]*)\b", text)) - {"PUSH_TO"}

    assert {"STATE_PULL", "STATE_PUSH", "DEPLOY"} <= read
    assert set() == {name for name in read if f"`{name}`" not in (clone / "docs" / "ci.md").read_text(encoding="utf-8")}


UNKNOWN_EXPRESSIONS = ["github.event.pull_request.title", "fromJSON('[]')", "vars.A >= 1", "steps.other.outputs.x", "('a'"]


@pytest.mark.parametrize("expression", UNKNOWN_EXPRESSIONS)
def test_an_unknown_expression_is_an_error(expression: str) -> None:
    """What GitHub would evaluate, and this does not know, is not taken for nothing."""
    with pytest.raises(UnknownHere):
        evaluated(expression, {"github": {}, "vars": {"A": "1"}, "ids": {"due"}}, None)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("secrets.NONE || github.token", "t"),
        ("vars.A == 'x' && 'yes' || 'no'", "yes"),
        ("vars.A != '' && !(vars.A == 'X')", False),
        ("steps.due.outputs.due == 'run'", False),
        ("vars.NONE == ''", True),
    ],
)
def test_an_expression_is_evaluated_as_github_does(expression: str, value: object) -> None:
    """A choice gives a value, texts are compared whatever their case, and what is not set is empty."""
    known = {"github": {"token": "t"}, "vars": {"A": "x"}, "secrets": {}, "steps": {}, "ids": {"due"}}

    assert value == evaluated(expression, known, None)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ('$A == "x" && $B', False),
        ('$A =~ /^(x|y)$/ || $B == "z"', True),
        ("$B == null", True),
        ('$A != "x"', False),
    ],
)
def test_a_rule_is_evaluated_as_gitlab_does(rule: str, value: bool) -> None:
    """Comparisons, patterns and variables that are there."""
    assert value == gitlab_ci.holds(rule, {"A": "x"})


@pytest.mark.parametrize("rule", ["$A >= 1", '($A == "x")', "A"])
def test_an_unknown_rule_is_an_error(rule: str) -> None:
    """What GitLab would evaluate, and this does not know, is not taken for nothing."""
    with pytest.raises(UnknownHere):
        gitlab_ci.holds(rule, {"A": "x"})
