"""What all test-suites of the workspace share."""

import hypothesis
import pytest

# The contract suites assert, but are no test modules: their failures are to show values too. This must
# be said before anything imports them.
pytest.register_assert_rewrite("deeplake.testing")

# No deadline: how long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("deeplake", deadline=None, print_blob=True)
hypothesis.settings.load_profile("deeplake")
