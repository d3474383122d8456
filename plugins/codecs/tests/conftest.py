"""Failed assertions of the shipped suites show what they compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("deeplake.testing.codec")
