"""A project's GitHub workflows, run on this machine: jobs in the order of `needs`, each step as the service would run it.

What is used of the language is known here, and all else is an error: an action, a key, a name, a function.
"""

import json
import re
import shutil
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from commands import git
from forge import Forge, Job, UnknownHere, only, resolved, shell

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|==|!=|&&|\|\||!|\(|\)|,|[A-Za-z_][\w.-]*|\d+)")
EVENTS = {
    "schedule": {"cron"},
    "workflow_dispatch": {"inputs"},
    "repository_dispatch": {"types"},
    "push": {"branches", "tags", "paths"},
    "pull_request": set[str](),
}
STEP = {"id", "name", "if", "uses", "with", "run", "env"}
JOB = {
    *("name", "needs", "if", "runs-on", "environment", "timeout-minutes", "permissions", "outputs", "env", "strategy", "steps"),
}
WORKFLOW = {"name", "on", "permissions", "concurrency", "defaults", "env", "jobs"}


@dataclass(frozen=True)
class Event:
    """What happened: its name, the branch or tag, the files that a push changed, what was put in, the type of a dispatch."""

    name: str
    ref: str = "main"
    tag: bool = False
    changed: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    type: str = ""


def workflows(folder: Path) -> dict[str, dict[str, Any]]:
    """The workflows in a folder, by name; `on`, which YAML takes for a truth, is a name again."""
    found = {}
    for path in sorted((folder / ".github" / "workflows").glob("*.y*ml")):
        parsed = yaml.safe_load(path.read_text(encoding="utf-8"))
        parsed["on"] = parsed.pop(True)
        only(parsed, WORKFLOW, path.name)
        if parsed["defaults"] != {"run": {"shell": "bash"}} or parsed["permissions"] != {}:
            raise UnknownHere(
                f"{path.name}: steps are run by `bash`, which stops in pipes too, and a workflow itself may nothing"
            )
        found[path.stem] = parsed
    return found


def starts(workflow: Mapping[str, Any], event: Event) -> bool:
    """Whether an event starts a workflow."""
    on = workflow["on"]
    only(on, EVENTS, "on")
    if event.name not in on:
        return False
    filters = on[event.name] or {}
    for each in filters if isinstance(filters, list) else [filters]:
        only(each, EVENTS[event.name], event.name)
    if event.name == "repository_dispatch":
        return event.type in filters["types"]
    if event.name != "push":
        return True
    names = filters.get("tags" if event.tag else "branches", [])
    paths = filters.get("paths")
    return any(fnmatchcase(event.ref, name) for name in names) and (
        paths is None or any(fnmatchcase(file, path) for file in event.changed for path in paths)
    )


def run(
    forge: Forge, event: Event, place: Path, wanted: Container[str] | None = None, jobs: Container[str] | None = None
) -> dict[str, dict[str, Job]]:
    """Run the workflows that an event starts, or those that are wanted; their jobs by name, each of a matrix by itself."""
    sources = forge.clone(event.ref, place / "sources", depth=1)
    started = {name: found for name, found in workflows(sources).items() if starts(found, event)}
    return {
        name: run_one(forge, found, event, place / name, jobs)
        for name, found in started.items()
        if wanted is None or name in wanted
    }


def run_one(
    forge: Forge, workflow: Mapping[str, Any], event: Event, place: Path, wanted: Container[str] | None = None
) -> dict[str, Job]:
    """Run a workflow's jobs, or those that are wanted, in the order of what they need."""
    jobs: dict[str, Job] = {}
    number = len(list(forge.folder.glob("run-*"))) + 1
    (forge.folder / f"run-{number}").touch()
    for name in ordered(workflow["jobs"]):
        job = workflow["jobs"][name]
        only(job, JOB, name)
        titles = [name + "".join(f" {value}" for value in each.values()) for each in matrix(job.get("strategy", {}))]
        if wanted is not None and not any(title in wanted for title in (name, *titles)):
            continue
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        known = context(forge, event, number) | {"needs": {need: jobs[need] for need in needs}}
        status = "success" if all(jobs[need].result == "success" for need in needs) else "unmet"
        failed = any(jobs[need].result == "failure" for need in needs)
        if not holds(job.get("if", ""), known, status == "success", failed, None):
            jobs[name] = Job("skipped")
            continue
        several = list(matrix(job.get("strategy", {})))
        for combination in several:
            title = name + "".join(f" {value}" for value in combination.values())
            if wanted is not None and name not in wanted and title not in wanted:
                continue
            mine = known | {"matrix": combination}
            jobs[title] = Task(forge, workflow, job, mine, event, place / title.replace(" ", "-")).run()
        if len(several) > 1:
            results = {jobs[title].result for title in jobs if title.startswith(f"{name} ")}
            jobs[name] = Job("failure" if "failure" in results else "success")
    return jobs


def ordered(jobs: Mapping[str, Any]) -> list[str]:
    """The names of jobs, each after those that it needs."""
    done: list[str] = []
    left = list(jobs)
    while left:
        ready = [
            name
            for name in left
            if set([jobs[name]["needs"]] if isinstance(jobs[name].get("needs"), str) else jobs[name].get("needs", []))
            <= {*done}
        ]
        if not ready:
            raise UnknownHere(f"jobs that need each other, or one that there is not: {', '.join(left)}")
        done += ready
        left = [name for name in left if name not in ready]
    return done


def matrix(strategy: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Each combination of a matrix; without one, the empty one."""
    only(strategy, {"fail-fast", "matrix"}, "strategy")
    given = strategy.get("matrix", {})
    only(given, set(given) - {"include", "exclude"}, "matrix")
    for values in product(*given.values()):
        yield dict(zip(given, map(str, values), strict=True))


def context(forge: Forge, event: Event, number: int) -> dict[str, Any]:
    """What expressions may name. A pull request, which may be a fork's, is given no secret."""
    ref = {"pull_request": "refs/pull/1/merge"}.get(event.name, f"refs/{'tags' if event.tag else 'heads'}/{event.ref}")
    told = {"event_name": event.name, "ref": ref, "ref_name": event.ref, "repository": "Ada/Next-Pick", "actor": "ada"}
    told |= {"run_id": str(number), "run_attempt": "1", "token": "token-of-the-job"}
    secrets = {} if event.name == "pull_request" else forge.secrets
    return {"github": told, "vars": forge.variables, "secrets": secrets, "inputs": dict(event.inputs)}


@dataclass
class Task:
    """One job, run in a clone of its own."""

    forge: Forge
    workflow: Mapping[str, Any]
    job: Mapping[str, Any]
    known: dict[str, Any]
    event: Event
    place: Path
    after: list[Callable[[], int]] = field(default_factory=list)

    def run(self) -> Job:
        """Run its steps; the job fails with the first that does."""
        self.place.mkdir(parents=True, exist_ok=True)
        self.clone.mkdir()
        if not isinstance(self.job["timeout-minutes"], int):
            raise UnknownHere(f"a time limit of {self.job['timeout-minutes']!r}")
        done, steps = Job("success"), dict[str, Any]()
        ids = {step["id"] for step in self.job["steps"] if "id" in step}
        for step in self.job["steps"]:
            only(step, STEP, str(step))
            known = self.known | {"steps": steps, "ids": ids}
            title = step.get("name") or step.get("uses") or step["run"]
            if not holds(step.get("if", ""), known, done.result == "success", done.result == "failure", self.clone):
                continue
            status, printed, outputs = self.step(step, known)
            done.ran.append(title)
            done.printed += printed
            if "id" in step:
                steps[step["id"]] = Job("success" if status == 0 else "failure", outputs=outputs)
            if status:
                done.result = "failure"
        for last in self.after if done.result == "success" else []:
            last()
        given = self.job.get("outputs", {})
        done.outputs = {name: self.filled(text, self.known | {"steps": steps, "ids": ids}) for name, text in given.items()}
        return done

    @property
    def clone(self) -> Path:
        """Where its steps are run."""
        return self.place / "project"

    def step(self, step: Mapping[str, Any], known: dict[str, Any]) -> tuple[int, str, dict[str, str]]:
        """Run one: its status, what it printed, its outputs."""
        given = {name: self.filled(str(value), known) for name, value in step.get("with", {}).items()}
        if "uses" in step:
            action, _, version = step["uses"].partition("@")
            if action not in ACTIONS or not re.fullmatch(r"[0-9a-f]{40}", version):
                raise UnknownHere(f"the action {step['uses']!r}; known here by their commits are {', '.join(ACTIONS)}")
            return ACTIONS[action](self, given), f"{step['uses']}\n", {}
        if "${{" in step["run"]:
            raise UnknownHere(f"an expression in a shell: {step['run']}")
        told = self.place / "outputs"
        told.write_text("", encoding="utf-8")
        status, printed = shell(step["run"], self.clone, self.environment(step, known) | {"GITHUB_OUTPUT": str(told)})
        lines = told.read_text(encoding="utf-8").splitlines()
        if unknown := [line for line in lines if not re.fullmatch(r"[a-z]+=[^\n]*", line)]:
            raise UnknownHere(f"an output that is no name=value: {unknown}")
        return status, printed, dict(line.split("=", maxsplit=1) for line in lines)

    def environment(self, step: Mapping[str, Any], known: dict[str, Any]) -> dict[str, str]:
        """The variables of the workflow, of the job and of the step, and the service's own."""
        declared = {**self.workflow.get("env", {}), **self.job.get("env", {}), **step.get("env", {})}
        own = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": known["github"]["actor"],
            "GITHUB_REF_NAME": known["github"]["ref_name"],
        }
        may = [f"{right}:{level}" for right, level in self.job["permissions"].items()]
        filled = {name: self.filled(str(value), known) for name, value in declared.items()}
        return self.forge.environment(self.clone, may) | own | filled

    def filled(self, text: str, known: dict[str, Any]) -> str:
        """A text with its expressions evaluated."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: as_text(evaluated(found[1], known, self.clone)), text)

    def checkout(self, given: Mapping[str, str]) -> int:
        """Clone the commit that the event is about; credentials stay out of the clone."""
        only(given, {"persist-credentials", "fetch-depth"}, "actions/checkout")
        if given["persist-credentials"].lower() != "false":
            raise UnknownHere("a clone that keeps a token, which every later step could read")
        self.forge.clone(self.event.ref, self.clone, depth=int(given.get("fetch-depth", "1")))
        return 0

    def setup_python(self, given: Mapping[str, str]) -> int:
        """There is a Python."""
        only(given, {"python-version"}, "actions/setup-python")
        return 0

    def cache(self, given: Mapping[str, str]) -> int:
        """Restore now; save at the end of a job that went well, if there was none."""
        only(given, {"path", "key"}, "actions/cache")
        if not self.forge.fetch("cache", given["key"], self.clone):
            self.after.append(lambda: self.save(given))
        return 0

    def restore(self, given: Mapping[str, str]) -> int:
        """Restore the key, or the newest that begins like one of the others."""
        only(given, {"path", "key", "restore-keys"}, "actions/cache/restore")
        caches = sorted((self.forge.folder / "cache").glob("*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        fitting = [path.name for prefix in given["restore-keys"].split() for path in caches if path.name.startswith(prefix)]
        for key in [given["key"], *fitting]:
            if self.forge.fetch("cache", key, self.clone):
                break
        return 0

    def save(self, given: Mapping[str, str]) -> int:
        """Save under a key, which no other run may have used."""
        only(given, {"path", "key"}, "actions/cache/save")
        if (self.forge.folder / "cache" / given["key"]).exists():
            raise UnknownHere(f"the cache has {given['key']!r} already, and the service would keep the old one")
        self.forge.store("cache", given["key"], given["path"].split(), self.clone)
        return 0

    def upload(self, given: Mapping[str, str]) -> int:
        """Keep what is there: one folder's content, or several paths as they lie in the clone."""
        only(given, {"name", "path"}, "actions/upload-artifact")
        paths = given["path"].split()
        place = self.forge.folder / "artifacts" / given["name"]
        shutil.rmtree(place, ignore_errors=True)
        if len(paths) == 1 and resolved(paths[0], self.clone).is_dir():
            shutil.copytree(self.clone / paths[0], place)
            return 0
        return 0 if self.forge.store("artifacts", given["name"], paths, self.clone) else 1

    def download(self, given: Mapping[str, str]) -> int:
        """Put what was kept into a folder of the clone."""
        only(given, {"name", "path"}, "actions/download-artifact")
        place = self.forge.folder / "artifacts" / given["name"]
        if not place.exists():
            return 1
        shutil.copytree(place, self.clone / given.get("path", "."), dirs_exist_ok=True)
        return 0


ACTIONS: dict[str, Callable[[Task, Mapping[str, str]], int]] = {
    "actions/cache": Task.cache,
    "actions/cache/restore": Task.restore,
    "actions/cache/save": Task.save,
    "actions/checkout": Task.checkout,
    "actions/download-artifact": Task.download,
    "actions/setup-python": Task.setup_python,
    "actions/upload-artifact": Task.upload,
}


def holds(condition: str, known: Mapping[str, Any], succeeded: bool, failed: bool, clone: Path | None) -> bool:
    """Whether a step or job is run: without a word on how those before it ended, only if they went well."""
    text = str(condition).removeprefix("${{").removesuffix("}}").strip()
    states = {"always": True, "success": succeeded, "failure": failed}
    if not any(f"{state}()" in text for state in states):
        if not succeeded:
            return False
        text = text or "success()"
    return truth(evaluated(text, {**known, "states": states}, clone))


def truth(value: object) -> bool:
    """Whether a value counts as true."""
    return value not in (False, None, "", 0)


def as_text(value: object) -> str:
    """A value in a text."""
    return json.dumps(value) if isinstance(value, bool) else "" if value is None else str(value)


def evaluated(expression: str, known: Mapping[str, Any], clone: Path | None) -> Any:
    """What an expression says.

    Raises:
        UnknownHere: It uses what is not known here.
    """
    words, place = [], 0
    while place < len(expression.rstrip()):
        found = TOKEN.match(expression, place)
        if not found:
            raise UnknownHere(f"the expression {expression!r}")
        words.append(found[1])
        place = found.end()
    parser = Parser(words, known, clone)
    value = parser.either()
    if parser.words:
        raise UnknownHere(f"the expression {expression!r}")
    return value


@dataclass
class Parser:
    """Reads an expression from its left to its right; `a || b` gives a value, not a truth."""

    words: list[str]
    known: Mapping[str, Any]
    clone: Path | None

    def either(self) -> Any:
        """One of several."""
        value = self.both()
        while self.took("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self) -> Any:
        """All of several."""
        value = self.compared()
        while self.took("&&"):
            other = self.compared()
            value = other if truth(value) else value
        return value

    def compared(self) -> Any:
        """A value, or how it compares; texts are equal whatever their case."""
        value = self.value()
        for sign, equal in (("==", True), ("!=", False)):
            if self.took(sign):
                other = self.value()
                return (as_text(value).lower() == as_text(other).lower()) == equal
        return value

    def value(self) -> Any:
        """A text, a name, a call, or what stands in brackets."""
        if not self.words:
            raise UnknownHere("an expression that stops short")
        word = self.words.pop(0)
        if word == "!":
            return not truth(self.value())
        if word == "(":
            value = self.either()
            self.expect(")")
            return value
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word.isdigit():
            return int(word)
        if self.took("("):
            return self.call(word)
        return self.named(word.split("."))

    def call(self, name: str) -> Any:
        """What a function gives back."""
        given = []
        while not self.took(")"):
            given.append(self.either())
            self.took(",")
        if name == "hashFiles" and self.clone:
            paths = [self.clone / path for path in given]
            texts = [path.read_bytes() for path in paths if path.is_file()]
            return sha256(b"".join(texts)).hexdigest() if texts else ""
        if name in self.known.get("states", {}) and not given:
            return self.known["states"][name]
        raise UnknownHere(f"the function {name}")

    def named(self, path: list[str]) -> Any:
        """What a name stands for; a variable and a secret that the owner has not set is nothing, and so is an input."""
        match path:
            case ["vars" | "secrets" | "inputs" as kind, name]:
                return self.known[kind].get(name)
            case ["github" | "matrix" as kind, name] if name in self.known.get(kind, {}):
                return self.known[kind][name]
            case ["steps", step, "outputs", name] if step in self.known.get("ids", ()):
                return self.known["steps"][step].outputs.get(name) if step in self.known["steps"] else None
            case ["needs", job, "result"] if job in self.known["needs"]:
                return self.known["needs"][job].result
            case ["needs", job, "outputs", name] if job in self.known["needs"]:
                return self.known["needs"][job].outputs.get(name)
        raise UnknownHere(f"the name {'.'.join(path)}")

    def took(self, word: str) -> bool:
        """Whether this is the next word; if so, it is gone."""
        if self.words[:1] == [word]:
            self.words.pop(0)
            return True
        return False

    def expect(self, word: str) -> None:
        """See that this is the next word."""
        if not self.took(word):
            raise UnknownHere(f"an expression without its {word!r}")


def changed_by_the_last_commit(forge: Forge) -> tuple[str, ...]:
    """The files that the last commit on main has changed, as a push tells them."""
    return tuple(git(forge.origin, "show", "--name-only", "--format=", "--first-parent", "-m", "main").splitlines())
