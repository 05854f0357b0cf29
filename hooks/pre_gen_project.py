"""Refuses the first answer that would break a project, in one sentence, before a file is written.

The rules and their words are those of the validators in `copier.yml`.
"""

import json
import re
import sys

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


def first_fault() -> str:
    """A sentence for the first answer that can't stand; later ones often derive from it."""
    return (
        text_fault("project_name", LONGEST_NAME)
        or slug_fault(ANSWERS["project_slug"])
        or package_fault(ANSWERS["package_name"])
        or text_fault("description", LONGEST_DESCRIPTION)
        or text_fault("author_name", LONGEST_AUTHOR)
        or email_fault(ANSWERS["author_email"])
    )


if sentence := first_fault():
    sys.exit(sentence)
