"""What was rendered, checked and run: the table at the end of a test run, and the floor below which the run fails."""

from collections.abc import Iterable

import pytest
from variants import SUPPORTED, Answers, name_of

STAGES = ("rendered", "checked", "run")


class Evidence:
    """Gathers, on the process that reports, what the tests say they have done to which variant; only a passed test counts."""

    def __init__(self, wanted: Iterable[Answers], floor: bool) -> None:
        listed = list(wanted)
        self.wanted = {name_of(answers): answers for answers in listed}
        assert len(self.wanted) == len(listed), "two variants have one name"
        self.floor = floor
        self.done: dict[str, set[str]] = {stage: set() for stage in STAGES}
        self.runtimes: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a passed test has recorded: a stage and the variant that passed it, or the digest of what was run."""
        if report.when == "call" and report.passed:
            for what, value in report.user_properties:
                (self.runtimes if what == "runtime" else self.done[what]).add(str(value))

    def missing(self) -> list[str]:
        """What was not done, as words."""
        return [f"{name} was not {stage}" for stage in STAGES for name in self.wanted if name not in self.done[stage]]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Where the floor is asked for, a run that leaves a variant out has failed, whatever else passed."""
        if self.floor and self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, if there is something in it or should be."""
        if not self.floor and not any(self.done.values()):
            return
        terminalreporter.section(f"what was rendered, checked and run, of {len(self.wanted)} variants")
        for line in self.table():
            terminalreporter.line(line)
        ran, runtimes = len(self.done["run"]), len(self.runtimes)
        terminalreporter.line(f"The {ran} that ran have {runtimes} different sets of runtime files, their engines' aside.")
        terminalreporter.line(
            "Each set was run once. Own tests ran where modality, model and feature store meet each other, in pairs;"
        )
        terminalreporter.line("their files in tests/passes.py ran once for all sets in which what they look for is equal.")
        if self.floor and self.missing():
            terminalreporter.section("below 100 %", red=True)
            for line in self.missing():
                terminalreporter.line(line)

    def table(self) -> list[str]:
        """A line per answer: variants done of those wanted, by stage; with each earlier answer, the smallest share in %."""
        answers = [(question, answer) for question, offered in SUPPORTED.items() for answer in offered]
        numbers = "".join(f"{number:>4}" for number in range(1, len(answers) + 1))
        lines = [f"{'answer':<36}{''.join(f'{stage:>10}' for stage in STAGES)}   with no.{numbers}"]
        for number, one in enumerate(answers, start=1):
            counts = "".join(f"{done:>6}/{len(self._with(one)):<3}" for done in self._counts(one))
            pairs = "".join(f"{self._share(one, other):>4}" for other in answers[: number - 1])
            lines.append(f"{number:>2}  {one[0] + ' ' + one[1]:<32}{counts}{'':>11}{pairs}")
        return lines

    def _with(self, *held: tuple[str, str]) -> list[str]:
        """The variants that hold these answers."""
        return [name for name, answers in self.wanted.items() if answers.items() >= set(held)]

    def _counts(self, *held: tuple[str, str]) -> list[int]:
        return [len(self.done[stage] & set(self._with(*held))) for stage in STAGES]

    def _share(self, *held: tuple[str, str]) -> str:
        """The smallest share of the stages, whole percents rounded down; a dot for two answers to one question."""
        wanted = len(self._with(*held))
        return str(100 * min(self._counts(*held)) // wanted) if wanted else "·"
