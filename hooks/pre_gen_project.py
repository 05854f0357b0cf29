"""Refuses what would break a project, in one sentence, before a file is written: a bad answer, a template between two releases.

The rules for answers and their words are those of the validators in `copier.yml`.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")

INVISIBLE_BUT_FINE = dict.fromkeys(map(ord, "\u00a0\u200c\u200d"))  # no-break space, and the joiners of Persian and of emoji
LONGEST_NAME = 40  # paths stay below 120 characters, and imports below 128
LONGEST_EMAIL = 100  # it stands in a line of code
LONGEST_AUTHOR = 100
LONGEST_DESCRIPTION = 300
SLUG = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z"
PACKAGE = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*\Z"
EMAIL = r"^[A-Za-z0-9_%+-]+([.][A-Za-z0-9_%+-]+)*@([A-Za-z0-9]+(-+[A-Za-z0-9]+)*[.])+[A-Za-z][A-Za-z0-9-]*\Z"


def reserved(*groups: str) -> set[str]:
    """Names that are taken, by group of `_reserved_names` in `cookiecutter.json`; all of them when no group is named."""
    names = ANSWERS["_reserved_names"]
    return {name for group in groups or names for line in names[group] for name in line.split()}


def text_fault(question: str, longest: int) -> str:
    """What is wrong with a line of text; nothing is wrong where this is empty."""
    text = ANSWERS[question]
    if text == text.strip() and 0 < len(text) <= longest and text.translate(INVISIBLE_BUT_FINE).isprintable():
        return ""
    return (
        f"{question} is {text!r:.60} ({len(text)} characters); it must be one line of 1 to {longest} printable characters "
        "with no blank at either end; type it again."
    )


def slug_fault(slug: str) -> str:
    """What is wrong with the name of the folder, the distribution and the command."""
    if len(slug) > LONGEST_NAME or not re.search(SLUG, slug):
        return (
            f"project_slug is {slug!r:.60}; it must be lower-case words of letters and digits joined by hyphens, a letter "
            f"first, at most {LONGEST_NAME} characters; choose one such as next-pick."
        )
    if slug.replace("-", "_") in reserved("dependencies", "devices"):
        return f"project_slug is {slug!r}, which is the name of a dependency or of a device; choose another such as my-{slug}."
    return ""


def package_fault(package: str) -> str:
    """What is wrong with the name that Python imports."""
    if len(package) > LONGEST_NAME or not re.search(PACKAGE, package):
        return (
            f"package_name is {package!r:.60}; it must be lower-case words of letters and digits joined by underscores, a "
            f"letter first, at most {LONGEST_NAME} characters; choose one such as next_pick."
        )
    if package in reserved():
        return (
            f"package_name is {package!r}, which Python, a dependency, a folder of the project or a device is called; "
            f"choose another such as my_{package}."
        )
    return ""


def email_fault(email: str) -> str:
    """What is wrong with an address."""
    if len(email) <= LONGEST_EMAIL and re.search(EMAIL, email):
        return ""
    return (
        f"author_email is {email!r:.60}; it must be an address such as ada@example.com of at most {LONGEST_EMAIL} characters; "
        "type it again."
    )


def git(*words: str) -> str:
    """What git answers in the folder in which cookiecutter read the template; nothing where it has no answer."""
    if not shutil.which("git"):
        return ""
    command = ["git", "-C", ANSWERS["_repo_dir"], *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def release_fault() -> str:
    """What is wrong with cookiecutter's clone of a URL: it has releases and is none of them. A folder is taken as it is."""
    releases = re.findall(r"^v\d+\.\d+\.\d+$", git("tag", "--sort=-version:refname"), re.MULTILINE)
    own = git("rev-parse", "--show-toplevel") == Path(ANSWERS["_repo_dir"]).resolve().as_posix()
    cloned = own and ANSWERS["_repo_dir"] != ANSWERS["_template"]
    if cloned and releases and not git("describe", "--tags", "--exact-match"):
        return (
            f"the template is between two releases ({git('describe', '--tags')}), where cookiecutter took it; add "
            f"--checkout {releases[0]}, which is the newest."
        )
    return ""


def first_fault() -> str:
    """A sentence for the first thing that can't stand: the template's version or an answer; later ones derive from it."""
    return (
        release_fault()
        or text_fault("project_name", LONGEST_NAME)
        or slug_fault(ANSWERS["project_slug"])
        or package_fault(ANSWERS["package_name"])
        or text_fault("description", LONGEST_DESCRIPTION)
        or text_fault("author_name", LONGEST_AUTHOR)
        or email_fault(ANSWERS["author_email"])
    )


if sentence := first_fault():
    sys.exit(sentence)
