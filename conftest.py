"""What all test-suites of the workspace share."""

import hypothesis

# No deadline: how long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("deeplake", deadline=None, print_blob=True)
hypothesis.settings.load_profile("deeplake")
