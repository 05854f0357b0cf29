"""Ten thousand rows, right and wrong, asked of a project's model and of its API, in bounded memory."""

import re

import pytest
from conftest import Render

ROWS = 10_000
MEGABYTES = 1000  # at the peak; a process that has imported all of it and trained a model holds 400
# Runs the project's own tests, and then says what they took.
FUZZED = """
import resource
import sys

import pytest

failed = pytest.main(["-q", "-p", "no:cacheprovider", "tests/code/test_fuzz.py", *sys.argv[1:]])
print("peak:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")
sys.exit(failed)
"""


@pytest.mark.slow
def test_whatever_is_sent_is_answered_or_named(render: Render) -> None:
    """Nothing is an error of the server, and no row costs memory that is not given back."""
    project = render("copier")
    (project.folder / "fuzzed.py").write_text(FUZZED, encoding="utf-8")
    printed = project.warm(
        "fuzzed", "tests/code/test_fuzz_api.py", "tests/code/test_fuzz_image.py", env={"FUZZ_ROWS": str(ROWS)}
    )
    peak = re.search(r"^peak: (\d+) MB$", printed, re.MULTILINE)

    assert peak, printed
    assert MEGABYTES > int(peak[1])
