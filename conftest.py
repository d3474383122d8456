"""What all test-suites of the workspace share."""

import gc
import signal
import threading

import hypothesis
import pytest

# The contract suites assert, but are no test modules: their failures are to show values too. This must
# be said before anything imports them.
pytest.register_assert_rewrite("deeplake.testing")

# No deadline: how long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("deeplake", deadline=None, print_blob=True)
hypothesis.settings.load_profile("deeplake")

# Shells start background jobs with Ctrl-C ignored, and processes inherit that: tests that interrupt a
# child would wait for nothing where the suite itself runs in the background.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over a million objects of tests and libraries, which stay."""
    gc.collect()
    gc.freeze()
