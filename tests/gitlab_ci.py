"""A project's GitLab pipelines, run on this machine: jobs by stage and by `needs`, each script as a runner would run it.

What is used of the language is known here, and all else is an error: a key, a rule, an expression.
"""

import re
import shutil
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import product
from pathlib import Path
from string import Template
from typing import Any

import yaml
from forge import Forge, Job, UnknownHere, only, shell

GLOBAL = {"workflow", "stages", "default", "include"}
JOB = {
    *(
        "stage",
        "image",
        "services",
        "timeout",
        "interruptible",
        "variables",
        "before_script",
        "script",
        "cache",
        "rules",
        "needs",
    ),
    *("artifacts", "parallel", "resource_group", "environment", "extends"),
}
RULE = re.compile(r"\s*(\$\w+|\"[^\"]*\"|/(?:[^/\\]|\\.)+/|==|!=|=~|&&|\|\||\(|\)|null)")
HOST, PATH = "gitlab.example.com", "ada/next-pick"
DEPTH = 20  # commits that a runner fetches, without tags


@dataclass(frozen=True)
class Event:
    """Why a pipeline is made: its source, the branch or tag, the files that a push changed, the schedule's own variables."""

    source: str
    ref: str = "main"
    tag: bool = False
    changed: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def configuration(folder: Path) -> dict[str, Any]:
    """A project's configuration, its local files included and `extends` carried out; hidden jobs are gone."""
    root = yaml.safe_load((folder / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    for each in root["include"]:
        only(each, {"local"}, "include")
        text = (folder / each["local"]).read_text(encoding="utf-8")
        for name, job in yaml.safe_load(text).items():
            if name in root:
                raise UnknownHere(f"{name} is there twice")
            root[name] = job
    only(root["default"], {"image", "timeout"}, "default")
    jobs = {name: extended(root, name) for name in root if name not in GLOBAL and not name.startswith(".")}
    for name, job in jobs.items():
        only(job, JOB, name)
        if job["stage"] not in root["stages"]:
            raise UnknownHere(f"{name} is of the stage {job['stage']}; the stages are {', '.join(root['stages'])}")
    return {"rules": root["workflow"]["rules"], "stages": root["stages"], "jobs": jobs}


def extended(root: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A job with what it extends: a mapping is merged, and anything else is the last one's."""
    own = root[name]
    parents = own.get("extends", [])
    found: dict[str, Any] = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        found = merged(found, extended(root, parent))
    return merged(found, own)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings, in which the second counts."""
    deep = {
        name: merged(one[name], value) if isinstance(value, dict) and isinstance(one.get(name), dict) else value
        for name, value in other.items()
    }
    return {**one, **deep}


def run(forge: Forge, event: Event, place: Path, wanted: Container[str] | None = None) -> dict[str, Job]:
    """Make the pipeline of an event, and run its jobs, or those that are wanted; each of a matrix by itself."""
    found = configuration(forge.clone(event.ref, place / "sources", depth=1))
    known = predefined(event) | forge.variables | forge.secrets | dict(event.variables)
    if when(found["rules"], known, event) == "never":
        return {}
    moments = {name: when(job["rules"], known, event) for name, job in found["jobs"].items()}
    present = {name: found["jobs"][name] for name, moment in moments.items() if moment != "never"}
    for name, job in present.items():
        if missing := set(job.get("needs", [])) - set(present):
            raise UnknownHere(f"'{name}' job needs '{missing.pop()}' job, but that is not in the pipeline")
    jobs: dict[str, Job] = {}
    for name, job in sorted(present.items(), key=lambda item: found["stages"].index(item[1]["stage"])):
        titles = [name + "".join(f" {value}" for value in each.values()) for each in matrix(job)]
        if wanted is not None and not any(title in wanted for title in (name, *titles)):
            continue
        before = job.get("needs", earlier(name, present, found["stages"]))
        results = {jobs[need].result for need in before}
        ready = results <= {"success"} if moments[name] == "on_success" else "failure" in results
        if not ready:
            jobs[name] = Job("skipped")
            continue
        given = {variable: value for need in before for variable, value in jobs[need].outputs.items()}
        several = list(matrix(job))
        for combination in several:
            title = name + "".join(f" {value}" for value in combination.values())
            if wanted is not None and name not in wanted and title not in wanted:
                continue
            jobs[title] = run_one(forge, name, job, known | given | combination, event, place / title.replace(" ", "-"), before)
        if len(several) > 1:
            mine = {jobs[title].result for title in jobs if title.startswith(f"{name} ")}
            jobs[name] = Job("failure" if "failure" in mine else "success")
    return jobs


def earlier(name: str, jobs: Mapping[str, Any], stages: list[str]) -> list[str]:
    """The jobs of the stages before a job's own."""
    mine = stages.index(jobs[name]["stage"])
    return [other for other, job in jobs.items() if stages.index(job["stage"]) < mine]


def matrix(job: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    """The variables of each of a job's parallel runs."""
    parallel = job.get("parallel", {"matrix": [{}]})
    only(parallel, {"matrix"}, "parallel")
    for each in parallel["matrix"]:
        for values in product(*([value] if isinstance(value, str) else value for value in each.values())):
            yield dict(zip(each, values, strict=True))


def predefined(event: Event) -> dict[str, str]:
    """The variables that GitLab sets; a merge request's pipeline has no branch."""
    own = {"CI_PIPELINE_SOURCE": event.source, "CI_DEFAULT_BRANCH": "main", "CI_SERVER_HOST": HOST, "CI_PROJECT_PATH": PATH}
    own |= {"CI_REGISTRY": f"registry.{HOST}", "CI_REGISTRY_IMAGE": f"registry.{HOST}/{PATH}", "CI_REGISTRY_USER": "ci"}
    own |= {"CI_REGISTRY_PASSWORD": "token-of-the-job", "GITLAB_CI": "true"}
    if event.tag:
        return own | {"CI_COMMIT_TAG": event.ref}
    return own if event.source == "merge_request_event" else own | {"CI_COMMIT_BRANCH": event.ref}


def when(rules: Iterable[Mapping[str, Any]], known: Mapping[str, str], event: Event) -> str:
    """What the first rule that holds says of a job; without one it is never run."""
    for rule in rules:
        only(rule, {"if", "changes", "when"}, "a rule")
        if holds(rule["if"], known) and ("changes" not in rule or set(rule["changes"]) & set(event.changed)):
            moment: str = rule.get("when", "on_success")
            if moment not in ("on_success", "on_failure", "never"):
                raise UnknownHere(f"when: {moment}")
            return moment
    return "never"


def holds(expression: str, known: Mapping[str, str]) -> bool:
    """Whether an expression is true; `||` binds less than `&&`, and nothing stands in brackets.

    Raises:
        UnknownHere: It uses what is not known here.
    """
    words = RULE.findall(expression)
    if re.sub(r"\s", "", expression) != "".join(re.sub(r"\s", "", word) for word in words) or {"(", ")"} & set(words):
        raise UnknownHere(f"the rule {expression!r}")
    return any(
        all(compared(part, known, expression) for part in split(words_of_one, "&&")) for words_of_one in split(words, "||")
    )


def split(words: list[str], by: str) -> list[list[str]]:
    """Words, parted at one of them."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == by:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def compared(words: list[str], known: Mapping[str, str], expression: str) -> bool:
    """A variable that is there, or two values and how they compare."""
    match words:
        case [name] if name.startswith("$"):
            return bool(known.get(name[1:]))
        case [name, "=~", pattern] if pattern.startswith("/"):
            return bool(re.search(pattern[1:-1], known.get(name[1:], "")))
        case [one, "==" | "!=" as sign, other]:
            return (value_of(one, known) == value_of(other, known)) == (sign == "==")
    raise UnknownHere(f"the rule {expression!r}")


def value_of(word: str, known: Mapping[str, str]) -> str | None:
    """A text, a variable, or nothing."""
    return None if word == "null" else word[1:-1] if word.startswith('"') else known.get(word[1:])


def run_one(
    forge: Forge, name: str, job: Mapping[str, Any], known: Mapping[str, str], event: Event, place: Path, before: Iterable[str]
) -> Job:
    """Run one job in a clone of its own, with its caches and what the jobs before it have left."""
    place.mkdir(parents=True, exist_ok=True)
    variables = dict(known) | {"CI_PROJECT_DIR": str(place / "project")}
    for variable, text in job.get("variables", {}).items():
        variables[variable] = Template(text).substitute({"BOT_TOKEN": ""} | variables)
    clone = forge.clone(event.ref, place / "project", depth=int(variables.get("GIT_DEPTH", DEPTH)))
    for each in caches(job):
        forge.fetch("cache", key(each, clone), clone)
    for need in before:
        forge.fetch("artifacts", need, clone)
    rights = {"contents:write", "packages:write"}
    mapped = f"https://oauth2:{forge.secrets.get('BOT_TOKEN')}@{HOST}/{PATH}.git"
    to_origin = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{forge.origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": mapped,
    }
    to_origin |= {"GIT_CONFIG_KEY_1": "protocol.https.allow", "GIT_CONFIG_VALUE_1": "never"}
    script = "\n".join([*job.get("before_script", []), *job["script"]])
    status, printed = shell(script, clone, forge.environment(clone, rights) | to_origin | variables)
    done = Job("failure" if status else "success", printed, ran=[name])
    if not status:
        for each in caches(job):
            shutil.rmtree(forge.folder / "cache" / key(each, clone), ignore_errors=True)
            forge.store("cache", key(each, clone), each["paths"], clone)
        done.outputs = leave(forge, name, job.get("artifacts", {}), clone)
    return done


def caches(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A job's caches."""
    for each in job.get("cache", []):
        only(each, {"key", "paths"}, "cache")
    return list(job.get("cache", []))


def key(cache: Mapping[str, Any], clone: Path) -> str:
    """The name of a cache, which may be that of files' content."""
    if isinstance(cache["key"], str):
        return cache["key"]
    only(cache["key"], {"files"}, "cache:key")
    texts = [(clone / name).read_bytes() for name in cache["key"]["files"] if (clone / name).is_file()]
    return sha256(b"".join(texts)).hexdigest() if texts else "default"


def leave(forge: Forge, name: str, artifacts: Mapping[str, Any], clone: Path) -> dict[str, str]:
    """Keep what a job leaves to others; its variables among that."""
    only(artifacts, {"paths", "reports"}, "artifacts")
    shutil.rmtree(forge.folder / "artifacts" / name, ignore_errors=True)
    forge.store("artifacts", name, artifacts.get("paths", []), clone)
    reports = artifacts.get("reports", {})
    only(reports, {"dotenv"}, "artifacts:reports")
    if "dotenv" not in reports:
        return {}
    lines = (clone / reports["dotenv"]).read_text(encoding="utf-8").splitlines()
    if unknown := [line for line in lines if not re.fullmatch(r"\w+=[^\n]*", line)]:
        raise UnknownHere(f"a variable that is no name=value: {unknown}")
    return dict(line.split("=", maxsplit=1) for line in lines)
