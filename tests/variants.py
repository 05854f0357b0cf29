"""The answers on offer, read from `cookiecutter.json`, and the sets of variants that the tests render.

Every combination of answers is valid, so there is no table of exceptions.
"""

import json
from itertools import combinations, product
from pathlib import Path

Answers = dict[str, str]

CONTEXT = json.loads(Path(__file__).parents[1].joinpath("cookiecutter.json").read_text(encoding="utf-8"))
QUESTIONS = tuple(name for name in CONTEXT if not name.startswith("_"))
SUPPORTED: dict[str, tuple[str, ...]] = {name: tuple(CONTEXT[name]) for name in QUESTIONS if isinstance(CONTEXT[name], list)}
DEFAULTS: Answers = {name: offered[0] for name, offered in SUPPORTED.items()}
LICENSES = SUPPORTED["license"]


def name_of(answers: Answers) -> str:
    """What a variant is called in a test's id: its answers that are not the defaults."""
    return "-".join(answer for question, answer in answers.items() if DEFAULTS.get(question) != answer) or "default"


def full_product() -> list[Answers]:
    """Every combination of what is offered, with the default licence: a licence changes a text and a line of metadata."""
    return product_of(LICENSES[:1])


def every_variant() -> list[Answers]:
    """The full product, and on top so many variants that each other licence meets each other answer."""
    return full_product() + covering(2, product_of(LICENSES[1:]))


def each_answer() -> list[Answers]:
    """Few variants in which each answer occurs."""
    return covering(1, product_of(LICENSES))


def each_pair() -> list[Answers]:
    """Few variants in which each answer meets each other one."""
    return covering(2, product_of(LICENSES))


def some(count: int) -> list[Answers]:
    """So many variants, in which each answer occurs, and as many pairs of them as that leaves room for."""
    variants = {name_of(variant): variant for variant in each_answer() + each_pair()}
    return list(variants.values())[:count]


def each_engine() -> list[Answers]:
    """Few variants in which each engine but the default occurs, and each answer."""
    question = "orchestrator"
    others = [variant for variant in full_product() if variant[question] != DEFAULTS[question]]
    return covering(1, others)


def pairs_of(*questions: str) -> list[Answers]:
    """Few sets of answers to some questions in which each answer meets each other one."""
    return covering(2, products({question: SUPPORTED[question] for question in questions}))


def product_of(licenses: tuple[str, ...]) -> list[Answers]:
    """Every combination of some licences with all other answers."""
    return products(SUPPORTED | {"license": licenses})


def products(offered: dict[str, tuple[str, ...]]) -> list[Answers]:
    """Every combination of one answer to each question."""
    return [dict(zip(offered, answers, strict=True)) for answers in product(*offered.values())]


def covering(strength: int, variants: list[Answers]) -> list[Answers]:
    """Variants, found greedily, in which all combinations of that many answers occur; the first is the first."""
    groups = [(variant, set(combinations(variant.items(), strength))) for variant in variants]
    missing = set().union(*(held for _, held in groups))
    chosen = []
    while missing:
        best, held = max(groups, key=lambda group: len(missing & group[1]))
        chosen.append(best)
        missing -= held
    return chosen
