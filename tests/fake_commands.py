"""gh, docker, curl and apk as a workflow calls them: they check each word, note the call, and reach nobody.

What they keep (issues, pull requests, labels) lies in the folder that FORGE names; FORGE_MAY says what the job's token may.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORGE = Path(os.environ["FORGE"])


def main() -> None:
    """Do what a program would, as far as a workflow can see."""
    name, *words = sys.argv[1:]
    with (FORGE / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps([name, *words]) + "\n")
    PROGRAMS[name](words)


def gh(words: list[str]) -> None:
    """GitHub's command, for a job that has a token and the right."""
    if not os.environ.get("GH_TOKEN"):
        sys.exit("gh: set the GH_TOKEN environment variable")
    match words:
        case ["auth", "setup-git"]:
            return
        case ["pr", "list", *rest]:
            given = options(rest, "--head", "--state", "--json", "--jq")
            if (given.state, given.json, given.jq) != ("open", "number", "length"):
                sys.exit(f"gh pr list: {rest}")
            say(len([pull for pull in kept("pulls") if pull["head"] == given.head]))
        case ["pr", "create", *rest]:
            may("pull-requests:write")
            given = options(rest, "--head", "--title", "--body-file")
            keep("pulls", [*kept("pulls"), {"head": given.head, "title": given.title, "body": text(given.body_file)}])
        case ["pr", "edit", head, *rest]:
            may("pull-requests:write")
            given = options(rest, "--title", "--body-file")
            pulls = kept("pulls")
            (pull,) = [pull for pull in pulls if pull["head"] == head]
            pull |= {"title": given.title, "body": text(given.body_file)}
            keep("pulls", pulls)
        case ["issue", "list", *rest]:
            given = options(rest, "--label", "--state", "--limit", "--json", "--jq")
            if (given.state, given.json, given.jq) != ("open", "number", ".[].number"):
                sys.exit(f"gh issue list: {rest}")
            found = [issue["number"] for issue in kept("issues") if issue["label"] == given.label and issue["open"]]
            for number in found[::-1][: int(given.limit)]:
                say(number)
        case ["label", "create", label, "--force", *rest]:
            may("issues:write")
            options(rest, "--description")
            keep("labels", sorted({*kept("labels"), label}))
        case ["issue", "create", *rest]:
            may("issues:write")
            given = options(rest, "--label", "--title", "--body-file")
            if given.label not in kept("labels"):
                sys.exit(f"could not add label: {given.label!r} not found")
            issue = {"label": given.label, "title": given.title, "open": True, "texts": [text(given.body_file)]}
            keep("issues", [*kept("issues"), issue | {"number": len(kept("issues")) + 1}])
        case ["issue", "comment", number, *rest]:
            may("issues:write")
            issues = kept("issues")
            issues[int(number) - 1]["texts"].append(text(options(rest, "--body-file").body_file))
            keep("issues", issues)
        case ["workflow", "run", workflow]:
            may("actions:write")
            if not Path(".github", "workflows", workflow).is_file():
                sys.exit(f"could not find any workflows named {workflow}")
        case _:
            sys.exit(f"gh: no such words here: {words}")


def docker(words: list[str]) -> None:
    """Docker's command: what is built is looked at, and not built."""
    match words:
        case ["login", registry, "--username", user, "--password-stdin"]:
            if not (registry and user and sys.stdin.read().strip()):
                sys.exit("docker login: no registry, user or password")
        case ["context" | "buildx", "inspect", "release"]:
            sys.exit(words[1] not in [made for kind, made in kept("builders") if kind == words[0]] and 1)
        case ["context", "create", "release"]:
            keep("builders", [*kept("builders"), ["context", "inspect"]])
        case ["buildx", "create", "--name", "release", "--driver", "docker-container", "release"]:
            keep("builders", [*kept("builders"), ["buildx", "inspect"]])
        case ["buildx", "build", "--builder", "release", "--target", target, "--sbom=true", "--provenance=mode=max", *rest]:
            may("packages:write")
            match rest:
                case ["--tag", tag, "--tag", of_model, "--push", "."]:
                    build(target, tag, of_model)
                case _:
                    sys.exit(f"docker buildx build: {rest}")
        case _:
            sys.exit(f"docker: no such words here: {words}")


def build(target: str, tag: str, of_model: str) -> None:
    """See that there is such a target, that its names are some, and that what the context lets through holds that model."""
    if not re.search(rf"^FROM \S+ AS {re.escape(target)}$", Path("Dockerfile").read_text(encoding="utf-8"), re.MULTILINE):
        sys.exit(f"target stage {target!r} could not be found")
    if not re.fullmatch(r"[a-z0-9.:-]+(/[a-z0-9._-]+)*:[\w.-]+", tag):
        sys.exit(f"invalid tag {tag!r}: repository name must be lowercase")
    if "!release" not in Path(".dockerignore").read_text(encoding="utf-8").splitlines():
        sys.exit('"/release": not found')
    version = json.loads(Path("release", "models", "current.json").read_text(encoding="utf-8"))["version"]
    if not Path("release", "models", version, "card.json").is_file():
        sys.exit(f"the model {version} is not in the context")
    if of_model != f"{tag.rpartition(':')[0]}:model-{version}":
        sys.exit(f"the tag {of_model!r} is not that of the model {version}")
    keep("images", [*kept("images"), {"tag": tag, "model": version}])


def curl(words: list[str]) -> None:
    """An alert, sent to GitLab's endpoint: those of one fingerprint are one incident."""
    match words:
        case ["--fail", "--silent", "--show-error", "--header", header, "--json", body, url]:
            if not re.fullmatch(r"Authorization: Bearer \S+", header) or not body.startswith("@"):
                sys.exit(f"curl: {words}")
            if not url.startswith("https://"):
                sys.exit(f"curl: (3) {url!r} is no URL")
            alert = json.loads(Path(body[1:]).read_text(encoding="utf-8"))
            incidents = kept("incidents") or {}
            incidents.setdefault(alert["fingerprint"], []).append(alert)
            keep("incidents", incidents)
        case _:
            sys.exit(f"curl: no such words here: {words}")


def apk(words: list[str]) -> None:
    """Alpine's packages."""
    if words[:2] != ["add", "--no-cache"]:
        sys.exit(f"apk: no such words here: {words}")


def options(words: list[str], *names: str) -> argparse.Namespace:
    """Options, each of which must be given, and nothing else."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in names:
        parser.add_argument(name, required=True)
    return parser.parse_args(words)


def may(right: str) -> None:
    """End as the service does if the job's token lacks a right."""
    if right not in os.environ["FORGE_MAY"].split():
        sys.exit(f"HTTP 403: Resource not accessible by integration ({right})")


def kept(what: str) -> Any:
    """What was kept before."""
    path = FORGE / f"{what}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def keep(what: str, value: Any) -> None:
    """Keep it."""
    (FORGE / f"{what}.json").write_text(json.dumps(value), encoding="utf-8")


def text(path: str) -> str:
    """A file's text, which must not be empty."""
    found = Path(path).read_text(encoding="utf-8")
    if not found.strip():
        sys.exit(f"{path} is empty")
    return found


def say(what: object) -> None:
    """Print a line."""
    sys.stdout.write(f"{what}\n")


PROGRAMS: dict[str, Callable[[list[str]], None]] = {"apk": apk, "curl": curl, "docker": docker, "gh": gh}

if __name__ == "__main__":
    main()
