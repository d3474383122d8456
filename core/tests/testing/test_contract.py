"""No test of a suite gets lost, and what importing a module costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplake.dataset.weighted import Weighted
from deeplake.testing.contract import Contract, PluginContract, assert_import_light, perform
from deeplake.testing.sampler import SamplerContract


def test_a_test_cannot_be_replaced() -> None:
    with pytest.raises(TypeError, match="test_one_row replaces a test of SamplerContract"):

        class Suite(SamplerContract):
            sampler = Weighted

            def test_one_row(self) -> None:
                """I know better."""


def test_a_test_cannot_be_removed() -> None:
    with pytest.raises(TypeError, match="test_one_row"):
        type("Suite", (SamplerContract,), {"test_one_row": None})


def test_a_mixin_cannot_hide_a_test() -> None:
    class Lenient:
        def test_one_row(self) -> None:
            """Passes always."""

    with pytest.raises(TypeError, match="test_one_row"):
        type("Suite", (Lenient, SamplerContract), {})


def test_what_is_taken_away_later_is_missed() -> None:
    class Suite(SamplerContract):
        sampler = Weighted
        values = ([1, 2],)

        def test_of_my_own(self) -> None: ...

    Suite().test_no_test_of_the_suite_is_missing()
    Suite.test_one_row = None  # type: ignore[assignment, method-assign]
    with pytest.raises(AssertionError, match="test_one_row"):
        Suite().test_no_test_of_the_suite_is_missing()


def test_every_suite_has_the_guard() -> None:
    from deeplake.testing import codec, executor, framework, htype, query, sampler, store, viewer

    modules = (codec, executor, framework, htype, query, sampler, store, viewer)
    suites = [
        value
        for module in modules
        for name, value in vars(module).items()
        if name.endswith("Contract") and isinstance(value, type)
    ]
    assert len(suites) >= 10
    assert all(issubclass(suite, Contract) for suite in suites)


def test_perform_runs_a_test_with_all_its_parameters() -> None:
    seen: list[Any] = []

    class Suite(Contract):
        @pytest.mark.parametrize("x", [1, 2])
        @pytest.mark.parametrize(("a", "b"), [(3, 4), (5, 6)])
        def test_it(self, x: int, a: int, b: int, folder: str) -> None:
            seen.append((x, a, b, folder))

    perform(Suite(), "test_it", folder=lambda: "new", other=1)
    assert sorted(seen) == [(1, 3, 4, "new"), (1, 5, 6, "new"), (2, 3, 4, "new"), (2, 5, 6, "new")]


def test_a_light_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert_import_light("deeplake")
    assert_import_light("deeplake.spi")
    assert_import_light("deeplake.dataset.weighted", heavy=["pandas"])


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import numpy", "loads numpy"),
        ("import asyncio", "loads asyncio"),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
         "starts a thread"),
        ("open({folder!r} + '/log', 'w').close()", "writes"),
        ("import os; os.makedirs({folder!r} + '/x'); open({folder!r} + '/x/y', 'ab').close()",
         "writes"),
        ("import socket; socket.socket().bind(('127.0.0.1', 0))", "socket.bind"),
        ("import subprocess, sys; subprocess.run([sys.executable, '-c', ''])", "subprocess.Popen"),
    ],
)  # fmt: skip
def test_a_heavy_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    (tmp_path / "heavy_module.py").write_text(code.format(folder=str(tmp_path)))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match=why):
        assert_import_light("heavy_module", heavy=["numpy"])


def test_a_module_that_cannot_be_imported_is_no_light_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("raise RuntimeError('no')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssertionError, match="no"):
        assert_import_light("broken_module")


def test_classes_that_lack_something_are_found() -> None:
    class Suite(PluginContract):
        def plugin_class(self) -> Any:
            from deeplake.spi import Sampler

            return type("Half", (Sampler,), {"__module__": __name__}, api=(1, 0))

    with pytest.raises(TypeError, match="lacks order"):
        Suite().test_states_what_the_registry_needs()
    assert np.__name__ in sys.modules
