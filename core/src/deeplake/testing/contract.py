"""What all contract suites share: no test gets lost, and classes are what the registry asks for."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from deeplake.spi import API, Plugin


class Contract:
    """Base of all suites: a subclass may add tests, and cannot replace or remove any.

    What a plugin cannot do it declares (``supports_…`` and the other attributes of its suite), so
    that the suite can expect the refusal. A test that is overridden would expect nothing.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, owner in replaced(cls):
            raise TypeError(
                f"{cls.__name__}.{name} replaces a test of {owner.__name__}: what your plugin cannot "
                f"do is declared with the attributes of {owner.__name__}; give tests of your own "
                "other names"
            )

    def test_no_test_of_the_suite_is_missing(self) -> None:
        missing = [
            name
            for base in type(self).__mro__
            if _shipped(base)
            for name in vars(base)
            if name.startswith("test_") and not callable(getattr(self, name, None))
        ]
        changed = [name for name, _ in replaced(type(self))]
        assert not missing + changed, f"tests of the contract that do not run: {missing + changed}"


def _shipped(cls: type) -> bool:
    return cls.__module__.startswith("deeplake.testing.")


def replaced(cls: type) -> Iterator[tuple[str, type]]:
    """Tests of shipped suites that a class hides behind an attribute of its own or of a mixin.

    Args:
        cls: A class that derives from suites.

    Yields:
        Name of the test, and the suite that it is a test of.
    """
    if _shipped(cls):
        return  # one suite may sharpen another
    seen: set[str] = set()
    for base in cls.__mro__:
        names = [name for name in vars(base) if name.startswith("test_")]
        if _shipped(base):
            yield from ((name, base) for name in names if name in seen)
        else:
            seen.update(names)


class PluginContract(Contract):
    """Base of the suites of plugin classes.

    Attributes:
        heavy: Modules that importing the plugin's module must not load.
    """

    heavy: ClassVar[tuple[str, ...]] = ()

    def plugin_class(self) -> type[Plugin]:
        """The class under test."""
        raise NotImplementedError

    def test_states_what_the_registry_needs(self) -> None:
        from deeplake.plugins.discovery import PluginInfo
        from deeplake.plugins.loading import check_contract

        cls = self.plugin_class()
        assert cls.api is not None, f"class {cls.__name__}(..., api={API}): the api is missing"
        assert cls.api[0] == API[0]
        assert cls.api[1] <= API[1]
        entry_point = f"{cls.__module__}:{cls.__qualname__}"
        check_contract(PluginInfo(cls.kind, "x", "", "", entry_point, "in-process"), cls)
        # As the registry does it: without arguments.
        assert isinstance(cls(), Plugin)

    def test_import_is_cheap(self) -> None:
        if not self.heavy:
            return
        loaded = imports(self.plugin_class().__module__)
        heavy = sorted(loaded.intersection(self.heavy))
        assert not heavy, f"importing {self.plugin_class().__module__} loads {heavy}"


def imports(module: str) -> set[str]:
    """Names of all modules that are loaded once one is imported, in an interpreter of its own.

    Args:
        module: Name of the module.

    Raises:
        AssertionError: It cannot be imported.
    """
    code = f"import sys, {module}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def assert_import_light(module: str, *, heavy: Sequence[str] = ()) -> None:
    """Check that importing a module is cheap: nothing heavy, no thread, no file, no connection.

    Args:
        module: Name of the module.
        heavy: Modules that must not be loaded, besides those that no plugin may load by being
            imported (``torch``, ``tensorflow``, ``jax``, ``boto3``, ``pandas``, ``asyncio``, …).

    Raises:
        AssertionError: It is not; the message says why.
    """
    code = (
        f"import sys, threading\n{_WATCH}import {module}\n"
        f"names = {(*HEAVY, *heavy)!r}\n"
        "did += [f'loads {name}' for name in names if name in sys.modules]\n"
        "if threading.active_count() > 1: did.append('starts a thread')\n"
        "print('\\n'.join(did))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout.strip(), f"import {module}: {', '.join(done.stdout.split(chr(10)))}"


HEAVY = (
    *("torch", "tensorflow", "jax", "pandas", "pyarrow", "scipy", "cv2", "PIL", "matplotlib"),
    *("boto3", "obstore", "google.cloud", "fsspec", "aiohttp", "requests", "asyncio", "ray"),
)
"""Modules that no plugin's module loads when it is imported."""

_WATCH = """
import os
did = []
def watch(event, args):
    if event == "open" and len(args) > 2 and isinstance(args[2], int):
        if args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and "__pycache__" not in str(args[0]):
            did.append(f"writes {args[0]}")
    elif event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.system"):
        did.append(event)
sys.addaudithook(watch)
"""


def perform(suite: Contract, name: str, **fixtures: Any) -> None:
    """Run one test of a suite without pytest's runner, with all its parameters, and raise its failure.

    For tests of suites themselves: a twin with a planted fault has to fail.

    Args:
        suite: An instance of a class that derives from a suite.
        name: The test's name.
        **fixtures: Values of the fixtures it may ask for; callables without arguments are called
            anew for each set of parameters.
    """
    test = getattr(suite, name)
    wanted = inspect.signature(test).parameters
    sets: list[dict[str, Any]] = [{}]
    for marker in getattr(test, "pytestmark", ()):
        if marker.name == "parametrize":
            names, values = marker.args[:2]
            keys = [part.strip() for part in names.split(",")] if isinstance(names, str) else names
            rows = [row if len(keys) > 1 else (row,) for row in values]
            sets = [
                {**known, **dict(zip(keys, row, strict=True))} for known in sets for row in rows
            ]
    for parameters in sets:
        given = {
            key: value() if callable(value) else value
            for key, value in fixtures.items()
            if key in wanted
        }
        test(**given, **parameters)


def environment(**variables: str) -> dict[str, str]:
    """Variables for another interpreter that finds the modules which this one finds."""
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONPATH": path, **variables}


__all__ = [
    "HEAVY",
    "Contract",
    "PluginContract",
    "assert_import_light",
    "environment",
    "imports",
    "perform",
    "replaced",
]
