"""The registry, tried on distributions as pip installs them, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pluggy
import pytest

import deeplake.plugins as plugins
from deeplake import spi
from deeplake.errors import (
    CommitError,
    PluginApiError,
    PluginConflictError,
    PluginContractError,
    PluginError,
    PluginLoadError,
    PluginNotFoundError,
)
from deeplake.format import htypes
from deeplake.plugins.catalog import BUILTINS, EXTRAS

CORE = Path(plugins.__file__).parents[2]

SAMPLER = """
from deeplake.spi import Sampler

class {name}(Sampler, api=(1, 0)):
    def order(self, weights, *, size, replace, rng):
        return "{name}"
"""


class Site:
    """A folder that plugins are installed in, and the only one besides the kernel's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        # The kernel's own dependency, and nothing else of this environment.
        (self.folder / "pluggy").symlink_to(Path(pluggy.__file__).parent)

    def module(self, name: str, code: str) -> None:
        (self.folder / f"{name}.py").write_text(textwrap.dedent(code))

    def install(
        self,
        name: str,
        version: str,
        entry_points: Mapping[str, Mapping[str, str]],
        requires: Iterable[str] = (),
    ) -> None:
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        lines = [
            f"[deeplake.{kind}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
            for kind, keys in entry_points.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        setup = """
        import json, sys
        from deeplake import errors, plugins, spi

        def failure(action, *args):
            try:
                action(*args)
            except errors.DeepLakeError as error:
                notes = getattr(error, "__notes__", [])
                return [type(error).__name__, str(error), repr(error.__cause__), notes]

        def show(value):
            print(json.dumps(value))
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DEEPLAKE_")}
        path = os.pathsep.join([str(self.folder), str(CORE)])
        return subprocess.run(
            [sys.executable, "-S", "-c", textwrap.dedent(setup) + textwrap.dedent(code)],
            env={**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def result(self, code: str, **environment: str) -> Any:
        done = self.run(code, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def failure(self, kind: str, key: str, **environment: str) -> list[Any]:
        found = self.result(f"show(failure(plugins.get, {kind!r}, {key!r}))", **environment)
        assert found is not None, "nothing was raised"
        assert isinstance(found, list)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


# --------------------------------------------------------------------------- found and loaded
def test_an_installed_plugin_is_imported_when_it_is_first_used_and_not_before(site: Site) -> None:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    site.install(
        "acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw", "lot": "acme_draw:Draw"}}
    )
    assert site.result(
        """
        plugins.available()
        before = [set(plugins.names("sampler")) >= {"draw", "lot"}, "acme_draw" in sys.modules]
        draw = plugins.get("sampler", "draw")
        again = [draw is plugins.get("sampler", "draw"), draw is plugins.get("sampler", "lot")]
        show([*before, *again, draw.order(None, size=1, replace=True, rng=None)])
        """
    ) == [True, False, True, True, "Draw"]


def test_builtins_are_loaded_without_looking_at_what_is_installed(site: Site) -> None:
    assert site.result(
        """
        raw = plugins.get("codec", "raw")
        show([bytes(raw.decompress(b"abc", 3)).decode(), "importlib.metadata" in sys.modules])
        """
    ) == ["abc", False]


def test_every_builtin_can_be_loaded() -> None:
    builtin = [info for info in plugins.check() if info.source == "built-in"]
    assert {(i.kind, i.key) for i in builtin} == {(k, n) for k in BUILTINS for n in BUILTINS[k]}
    assert [info.reason for info in builtin if info.status != "loaded"] == []


def test_every_builtin_htype_has_its_key() -> None:
    assert BUILTINS["htype"] == {
        name: f"deeplake.format.htypes:{cls}" for name, cls in htypes.BUILTIN.items()
    }


def test_available_says_who_provides_what_without_importing(site: Site) -> None:
    site.module("acme_draw", "raise RuntimeError('imported')")
    site.install(
        "acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}, "later": {"x": "acme_draw:X"}}
    )
    site.install("acme-raw", "3", {"codec": {"raw": "acme_draw:Raw"}})
    rows = site.result(
        """
        from dataclasses import asdict
        show([asdict(info) for info in plugins.available()])
        """
    )
    by_key = {(row["kind"], row["key"], row["source"]): row for row in rows}
    assert by_key["sampler", "draw", "installed"] == {
        "kind": "sampler",
        "key": "draw",
        "distribution": "acme-draw",
        "version": "1.2",
        "entry_point": "acme_draw:Draw",
        "source": "installed",
        "status": "available",
        "api": None,
        "reason": "",
    }
    builtin, other = by_key["codec", "raw", "built-in"], by_key["codec", "raw", "installed"]
    assert (builtin["status"], builtin["distribution"]) == ("available", "deeplake-core")
    assert other["status"] == "shadowed"
    assert "deeplake-core" in other["reason"]
    later = by_key["later", "x", "installed"]
    assert later["status"] == "broken"
    assert 'no plugins of kind "later"' in later["reason"]


def test_check_imports_and_says_what_is_broken(site: Site) -> None:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    site.module("acme_broken", "raise RuntimeError('out of order')")
    site.install("acme-draw", "1", {"sampler": {"draw": "acme_draw:Draw"}})
    site.install("acme-broken", "2", {"sampler": {"broken": "acme_broken:Draw"}})
    assert site.result(
        """
        rows = [i for i in plugins.check() if i.kind == "sampler" and i.source == "installed"]
        show([[i.key, i.status, i.api, "out of order" in i.reason] for i in rows])
        """
    ) == [["broken", "broken", None, True], ["draw", "loaded", [1, 0], False]]


def test_what_is_installed_meanwhile_is_found_without_a_restart(site: Site) -> None:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    assert site.result(
        f"""
        import importlib, os, pathlib
        before = failure(plugins.get, "sampler", "draw")[0]
        info = pathlib.Path({str(site.folder)!r}, "acme_draw-1.dist-info")
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: acme-draw\\nVersion: 1\\n")
        (info / "entry_points.txt").write_text("[deeplake.sampler]\\ndraw = acme_draw:Draw\\n")
        show([before, type(plugins.get("sampler", "draw")).__name__])
        """
    ) == ["PluginNotFoundError", "Draw"]


# --------------------------------------------------------------------------- not found
@pytest.mark.parametrize(
    ("kind", "key", "end"),
    [
        ("storage", "s3", 'provides storage "s3": pip install "deeplake-core[s3]"'),
        ("storage", "gcp", 'pip install "deeplake-core[gcs]"'),
        ("storage", "azure", '; there are "file", "fsspec", "mem"'),
        ("codec", "jpg", 'pip install "deeplake-core[codecs]"'),
        ("codec", "flac", 'pip install "deeplake-core[audio]"'),
        ("codec", "mkv", 'pip install "deeplake-core[video]"'),
        ("framework", "tensorflow", 'pip install "deeplake-core[tf]"'),
        ("query", "tql", 'pip install "deeplake-core[tql]"'),
        ("sampler", "balanced", 'pip install "deeplake-core[sampling]"'),
        # Nearly something that an extra brings.
        ("storage", "s3n", 'did you mean "s3"?: pip install "deeplake-core[s3]"'),
        ("codec", "JPEG", 'did you mean "jpeg"?: pip install "deeplake-core[codecs]"'),
        # Nearly something that is there.
        ("codec", "zlob", 'provides codec "zlob"; did you mean "zlib"?'),
        # Nothing like it.
        ("command", "xyz", '"reporting", "summary", "tag", "verify"'),
        ("viewer", "xyz", '; there are "page"'),
        ("query", "xyz", "; there are none"),
        ("storgae", "s3", 'There are no plugins of kind "storgae"; did you mean "storage"?'),
    ],
)
def test_a_missing_plugin_says_what_to_install(site: Site, kind: str, key: str, end: str) -> None:
    name, message, _, _ = site.failure(kind, key)
    assert name == "PluginNotFoundError"
    assert message.endswith(end)


def test_hints_name_extras_that_exist() -> None:
    project = Path(__file__).parents[1] / "pyproject.toml"
    extras = tomllib.loads(project.read_text())["project"]["optional-dependencies"]
    named = {extra for keys in EXTRAS.values() for extra in keys.values()}
    assert named <= set(extras)
    assert set(EXTRAS) | set(BUILTINS) <= set(spi.KINDS)


def test_names_of_an_unknown_kind() -> None:
    with pytest.raises(PluginNotFoundError, match='did you mean "codec"'):
        plugins.names("codecs")


# --------------------------------------------------------------------------- conflicts
@pytest.fixture
def two(site: Site) -> Site:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    site.module("other_draw", SAMPLER.format(name="Other"))
    site.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}})
    site.install("Other_Draw", "0.3", {"sampler": {"draw": "other_draw:Other"}})
    return site


def test_two_distributions_for_one_key_are_an_error_that_names_both(two: Site) -> None:
    name, message, _, _ = two.failure("sampler", "draw")
    assert name == "PluginConflictError"
    assert "acme-draw 1.2 (acme_draw:Draw)" in message
    assert "Other_Draw 0.3 (other_draw:Other)" in message
    assert "DEEPLAKE_PLUGINS_DISABLE" in message
    assert two.result("show([i.status for i in plugins.available() if i.key == 'draw'])") == [
        "conflict",
        "conflict",
    ]


@pytest.mark.parametrize("disabled", ["acme-draw", "ACME.draw", " x:y , acme_draw,"])
def test_disabling_one_of_them_solves_it(two: Site, disabled: str) -> None:
    code = """
    used = plugins.get("sampler", "draw").order(None, size=1, replace=True, rng=None)
    show([used, [(i.distribution, i.status) for i in plugins.available() if i.key == "draw"]])
    """
    assert two.result(code, DEEPLAKE_PLUGINS_DISABLE=disabled) == [
        "Other",
        [["Other_Draw", "loaded"], ["acme-draw", "disabled"]],
    ]


def test_a_disabled_key_is_not_there_and_says_why(two: Site) -> None:
    name, message, _, _ = two.failure(
        "sampler", "draw", DEEPLAKE_PLUGINS_DISABLE="codec:raw,sampler:draw"
    )
    assert name == "PluginNotFoundError"
    assert "is disabled" in message
    assert "DEEPLAKE_PLUGINS_DISABLE" in message
    assert two.result(
        "show(['draw' in plugins.names('sampler'), 'raw' in plugins.names('codec')])",
        DEEPLAKE_PLUGINS_DISABLE="codec:raw,sampler:draw",
    ) == [False, False]


@pytest.mark.parametrize("allowed", ["other-draw", "OTHER.draw, acme-nothing", ",Other_Draw,"])
def test_only_what_is_allowed_is_used(two: Site, allowed: str) -> None:
    """And what the kernel brings, and what the process registers."""
    two.module("acme_more", SAMPLER.format(name="More"))
    two.install("acme-more", "1", {"sampler": {"more": "acme_more:More"}})
    code = """
    from deeplake import spi

    class Mine(spi.Sampler, api=(1, 0)):
        def order(self, weights, *, size, replace, rng):
            return "Mine"

    plugins.register("sampler", "mine", Mine)
    used = plugins.get("sampler", "draw").order(None, size=1, replace=True, rng=None)
    rows = {i.distribution: [i.status, i.reason] for i in plugins.available() if i.key == "draw"}
    names = plugins.names("sampler")
    show([used, rows, [n in names for n in ("mine", "weighted", "draw", "more")],
          "raw" in plugins.names("codec"), type(plugins.get("sampler", "mine")).__name__])
    """
    refused = ["disabled", "not named by DEEPLAKE_PLUGINS_ALLOW"]
    assert two.result(code, DEEPLAKE_PLUGINS_ALLOW=allowed) == [
        "Other", {"Other_Draw": ["loaded", ""], "acme-draw": refused}, [True, True, True, False],
        True, "Mine",
    ]  # fmt: skip


def test_a_key_can_be_allowed_and_what_is_disabled_stays_out(two: Site) -> None:
    code = "show([(i.distribution, i.status) for i in plugins.available() if i.key == 'draw'])"
    both = [["acme-draw", "conflict"], ["Other_Draw", "conflict"]]
    assert sorted(two.result(code, DEEPLAKE_PLUGINS_ALLOW="sampler:draw")) == sorted(both)
    assert two.result(
        code, DEEPLAKE_PLUGINS_ALLOW="sampler:draw", DEEPLAKE_PLUGINS_DISABLE="acme-draw"
    ) == [["Other_Draw", "available"], ["acme-draw", "disabled"]]


def test_what_is_not_allowed_is_not_there_and_says_why(two: Site) -> None:
    # The kernel alone.
    name, message, _, _ = two.failure("sampler", "draw", DEEPLAKE_PLUGINS_ALLOW="deeplake-core")
    assert name == "PluginNotFoundError"
    assert 'sampler "draw" of ' in message
    assert "not named by DEEPLAKE_PLUGINS_ALLOW" in message
    # An empty variable is one that is not set.
    assert two.failure("sampler", "draw", DEEPLAKE_PLUGINS_ALLOW=" ,")[0] == "PluginConflictError"


def test_the_command_shows_what_the_environment_turns_off(two: Site) -> None:
    code = """
    import contextlib, io
    from deeplake import cli

    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.main(["plugins"])
    show([line for line in out.getvalue().splitlines() if "DEEPLAKE" in line or "draw " in line])
    """
    lines = two.result(
        code, DEEPLAKE_PLUGINS_ALLOW="acme-draw,acme-drow", DEEPLAKE_PLUGINS_DISABLE="codec:none"
    )
    assert [line.split()[-2] for line in lines[:2]] == ["available", "disabled"]
    assert 'sampler "draw" is disabled: not named by DEEPLAKE_PLUGINS_ALLOW' in lines
    assert lines[-2:] == [
        "DEEPLAKE_PLUGINS_DISABLE names codec:none, which is not there",
        "DEEPLAKE_PLUGINS_ALLOW names acme-drow, which is not there",
    ]


def test_the_same_distribution_found_twice_is_no_conflict(site: Site, tmp_path: Path) -> None:
    twin = Site(tmp_path / "twin")
    for folder in (site, twin):
        folder.module("acme_draw", SAMPLER.format(name="Draw"))
        folder.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}})
    code = f"""
    sys.path.append({str(twin.folder)!r})
    show(type(plugins.get("sampler", "draw")).__name__)
    """
    assert site.result(code) == "Draw"


# --------------------------------------------------------------------------- loading
@pytest.mark.parametrize(
    ("module", "cause", "advice"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom", "--force-reinstall acme-draw"),
        ("x = 1", "has no attribute 'Draw'", "--force-reinstall acme-draw"),
        ("import sys; sys.exit(3)", "SystemExit: 3", "--force-reinstall acme-draw"),
        ("import boto9.client", "No module named 'boto9'", 'provides the module "boto9"'),
        ("def Draw(:", "SyntaxError", "--force-reinstall acme-draw"),
        (
            SAMPLER.format(name="Draw") + "    def __init__(self): raise ValueError('no device')",
            "cannot be made without arguments: ValueError: no device",
            "DEEPLAKE_PLUGINS_DISABLE=sampler:draw",
        ),
    ],
)
def test_a_provider_that_cannot_be_loaded_is_named(
    site: Site, module: str, cause: str, advice: str
) -> None:
    site.module("acme_draw", module)
    site.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}})
    name, message, chained, _ = site.failure("sampler", "draw")
    assert name == "PluginLoadError"
    assert message.startswith('sampler "draw" of acme-draw 1.2 (acme_draw:Draw) cannot be ')
    assert cause in message
    assert advice in message
    assert chained != "None"


def test_a_provider_whose_module_is_gone_is_to_be_reinstalled(site: Site) -> None:
    site.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw.deep:Draw"}})
    name, message, _, _ = site.failure("sampler", "draw")
    assert name == "PluginLoadError"
    assert "pip install --force-reinstall acme-draw" in message


def test_an_entry_point_may_name_extras_and_nested_classes(site: Site) -> None:
    code = "class Outer:\n" + textwrap.indent(SAMPLER.format(name="Draw"), "    ")
    site.module("acme_draw", code)
    site.install("acme-draw", "1", {"sampler": {"draw": "acme_draw:Outer.Draw [fast]"}})
    assert site.result("show(type(plugins.get('sampler', 'draw')).__name__)") == "Draw"


def test_an_extra_that_is_not_installed_is_named(site: Site) -> None:
    site.module("acme", SAMPLER.format(name="Fair"))
    needs = ["numpy", 'fairness>=2; extra == "fair"', "dice[loaded] ; extra == 'fair'"]
    points = {"sampler": {"fair": "acme:Fair [fair]"}, "codec": {"mp4": "acme:Fair [fair]"}}
    site.install("acme-fair", "1.0", points, needs)
    code = """
    rows = {info.key: info for info in plugins.available() if info.distribution == "acme-fair"}
    show([
        rows["fair"].status, rows["fair"].reason, rows["mp4"].reason, "fair" in plugins.names("sampler"),
        "acme" in sys.modules, failure(plugins.get, "sampler", "fair"),
        [info.status for info in plugins.check() if info.key == "fair"],
    ])
    """
    [status, reason, ours, listed, imported, error, checked] = site.result(code)
    assert status == "incomplete"
    assert reason == 'sampler "fair" needs fairness and dice: pip install "acme-fair[fair]"'
    assert ours.endswith('pip install "deeplake-core[video]"')
    assert not listed
    assert not imported
    assert error[:2] == ["PluginNotFoundError", reason]
    assert checked == ["incomplete"]

    for name in ("fairness", "dice"):
        site.install(name, "2.0", {})
    code = """
    show([plugins.get("sampler", "fair").order([], size=1, replace=True, rng=None)])
    """
    assert site.result(code) == ["Fair"]


def test_a_failed_load_is_tried_again(site: Site) -> None:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    site.module("acme_switch", "import acme_flag\nfrom acme_draw import Draw")
    site.install("acme-draw", "1", {"sampler": {"draw": "acme_switch:Draw"}})
    assert site.result(
        """
        import types
        first = failure(plugins.get, "sampler", "draw")[0]
        sys.modules["acme_flag"] = types.ModuleType("acme_flag")
        show([first, type(plugins.get("sampler", "draw")).__name__])
        """
    ) == ["PluginLoadError", "Draw"]


# --------------------------------------------------------------------------- API handshake
@pytest.mark.parametrize(
    ("api", "words"),
    [
        ("", ["does not say which version", "api=(1, 0)"]),
        (", api=(0, 9)", ["version 0.9", "speaks 1.0", "pip install --upgrade acme-draw"]),
        (", api=(2, 0)", ["version 2.0", "speaks 1.0", "pip install --upgrade deeplake-core"]),
        (", api=(1, 1)", ["version 1.1", "speaks 1.0", "pip install --upgrade deeplake-core"]),
        (", api='1.0'", ["api='1.0'", "two integers"]),
        (", api=(1, 0, 0)", ["api=(1, 0, 0)", "two integers"]),
    ],
)
def test_a_provider_of_another_api_is_refused(site: Site, api: str, words: list[str]) -> None:
    # It also lacks its method: the version, which explains that, is what counts.
    site.module("acme_draw", f"from deeplake.spi import Sampler\nclass Draw(Sampler{api}): ...")
    site.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}})
    name, message, _, _ = site.failure("sampler", "draw")
    assert name == "PluginApiError"
    assert "acme-draw 1.2 (acme_draw:Draw)" in message
    for word in words:
        assert word in message


def test_an_older_minor_version_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spi, "API", (1, 3))

    class Older(spi.Sampler, api=(1, 1)):
        def order(self, *args: Any, **kwargs: Any) -> Any:
            return "older"

    class Newer(spi.Sampler, api=(1, 4)):
        def order(self, *args: Any, **kwargs: Any) -> Any:
            return "newer"

    with plugins.registered("sampler", "test-older", Older) as plugin:
        assert isinstance(plugin, Older)
    with pytest.raises(PluginApiError, match=r"1\.4.*upgrade deeplake-core"):
        plugins.register("sampler", "test-newer", Newer)


# --------------------------------------------------------------------------- contract
@pytest.mark.parametrize(
    ("kind", "module", "words"),
    [
        ("sampler", "def P(): ...", ["object of type function", "deeplake.spi.Sampler"]),
        ("sampler", "class P: ...", ["is a class that does not derive", "deeplake.spi.Sampler"]),
        (
            "sampler",
            "from deeplake.spi import Viewer\nclass P(Viewer, api=(1, 0)): ...",
            ["does not derive from deeplake.spi.Sampler"],
        ),
        (
            "command",
            "from deeplake.spi import Command\nclass P(Command, api=(1, 0)): ...",
            ["lacks configure, run", "deeplake.spi.Command"],
        ),
        (
            "codec",
            "from deeplake.spi import Codec\nclass P(Codec, api=(1, 0)): name = media = 'bytes'",
            ["deeplake.spi.ChunkCodec or deeplake.spi.SampleCodec"],
        ),
        (
            "codec",
            """
            from deeplake.spi import ChunkCodec
            class P(ChunkCodec, api=(1, 0)):
                def compress(self, data): return data
                def decompress(self, data, size): return data
            """,
            ["lacks name"],
        ),
    ],
)
def test_a_provider_that_breaks_the_contract_is_refused(
    site: Site, kind: str, module: str, words: list[str]
) -> None:
    site.module("acme", module)
    site.install("acme", "1.2", {kind: {"thing": "acme:P"}})
    name, message, _, _ = site.failure(kind, "thing")
    assert name == "PluginContractError"
    assert message.startswith(f'{kind} "thing" of acme 1.2 (acme:P) ')
    for word in words:
        assert word in message


# --------------------------------------------------------------------------- in-process plugins
class Draw(spi.Sampler, api=(1, 0)):
    made: ClassVar[list[Draw]] = []

    def __init__(self) -> None:
        self.made.append(self)

    def order(self, *args: Any, **kwargs: Any) -> Any:
        return "test"


class Other(spi.Sampler, api=(1, 0)):
    def order(self, *args: Any, **kwargs: Any) -> Any:
        return "other"


class Incomplete(spi.Sampler, api=(1, 0)):
    pass


class Silent(spi.Command, api=(1, 0)):
    help = "says nothing"

    def configure(self, parser: Any) -> None:
        return None

    def run(self, args: Any) -> int:
        return 0


def test_a_class_can_be_registered_and_unregistered() -> None:
    plugins.register("sampler", "test-draw", Draw)
    plugins.register("sampler", "test-lot", Draw)
    try:
        assert {"test-draw", "test-lot"} <= set(plugins.names("sampler"))
        draw = plugins.get("sampler", "test-draw")
        assert plugins.get("sampler", "test-lot") is draw
        (row,) = [i for i in plugins.available() if i.key == "test-draw"]
        assert (row.source, row.status, row.distribution) == ("in-process", "loaded", "")
        assert row.entry_point.endswith("test_plugins:Draw")
    finally:
        plugins.unregister("sampler", "test-draw")
        plugins.unregister("sampler", "test-lot")
    with pytest.raises(PluginNotFoundError):
        plugins.get("sampler", "test-draw")
    with plugins.registered("sampler", "test-draw", Draw) as fresh:
        assert fresh is not draw


def test_an_instance_can_be_registered() -> None:
    draw = Draw()
    with plugins.registered("sampler", "test-draw", draw) as plugin:
        assert plugin is draw
        assert plugins.get("sampler", "test-draw") is draw


def test_registering_comes_before_builtins_also_after_they_were_loaded() -> None:
    builtin = plugins.get("command", "reporting")
    with plugins.registered("command", "reporting", Silent) as silent:
        assert plugins.get("command", "reporting") is silent
        rows = [i for i in plugins.available() if (i.kind, i.key) == ("command", "reporting")]
        assert [(i.source, i.status) for i in rows] == [
            ("in-process", "loaded"),
            ("built-in", "shadowed"),
        ]
    assert type(plugins.get("command", "reporting")) is type(builtin)


def test_two_classes_cannot_be_registered_for_one_key() -> None:
    with plugins.registered("sampler", "test-draw", Draw):
        plugins.register("sampler", "test-draw", Draw)  # the same again changes nothing
        with pytest.raises(PluginConflictError, match=r"Draw.*unregister.*Other"):
            plugins.register("sampler", "test-draw", Other)


def test_registering_checks_at_once() -> None:
    with pytest.raises(PluginContractError, match=r"Incomplete.*lacks order"):
        plugins.register("sampler", "test-draw", Incomplete)
    with pytest.raises(PluginContractError, match="does not derive"):
        plugins.register("codec", "test-draw", Draw)
    with pytest.raises(PluginNotFoundError, match="kind"):
        plugins.register("samplers", "test-draw", Draw)
    assert "test-draw" not in plugins.names("sampler")


def test_unregistering_what_is_not_registered() -> None:
    with pytest.raises(PluginNotFoundError, match="not registered"):
        plugins.unregister("sampler", "test-draw")
    with pytest.raises(PluginNotFoundError, match="not registered"):
        plugins.unregister("codec", "raw")


def test_threads_share_one_instance() -> None:
    barrier = threading.Barrier(8)
    Draw.made.clear()
    found: list[spi.Plugin] = []

    def use() -> None:
        barrier.wait()
        found.append(plugins.get("sampler", "test-draw"))

    plugins.register("sampler", "test-draw", Draw)
    try:
        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        plugins.unregister("sampler", "test-draw")
    assert len(found) == 8
    assert len(set(map(id, found))) == len(Draw.made) == 1


def test_a_forked_child_can_load_while_a_thread_of_the_parent_was_loading(site: Site) -> None:
    assert (
        site.result(
            """
        import os, threading
        from deeplake.plugins import loading
        held, done = threading.Event(), threading.Event()

        def hold():
            with loading.lock():
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            os._exit(plugins.get("codec", "raw").name != "raw")
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        done.set()
        thread.join()
        show(status)
        """
        )
        == 0
    )


# --------------------------------------------------------------------------- environment
def test_a_trace_shows_what_is_loaded(site: Site) -> None:
    site.module("acme_draw", SAMPLER.format(name="Draw"))
    site.module("acme_broken", "raise RuntimeError('boom')")
    site.install("acme-draw", "1.2", {"sampler": {"draw": "acme_draw:Draw"}})
    site.install("acme-broken", "2", {"sampler": {"broken": "acme_broken:Draw"}})
    code = "plugins.get('sampler', 'draw'); failure(plugins.get, 'sampler', 'broken')"
    for value in ("", "0"):
        assert site.run(code, DEEPLAKE_PLUGINS_TRACE=value).stderr == ""
    found, loaded, failed = site.run(code, DEEPLAKE_PLUGINS_TRACE="1").stderr.splitlines()
    assert found.startswith("found 2 installed plugins in ")
    assert loaded.startswith('loaded sampler "draw" of acme-draw 1.2 (acme_draw:Draw) in ')
    assert "acme-broken 2" in failed
    assert "boom" in failed


def test_a_trace_goes_to_the_programs_own_logging(site: Site) -> None:
    code = """
    import logging
    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
    plugins.get("codec", "raw")
    """
    done = site.run(code, DEEPLAKE_PLUGINS_TRACE="1")
    assert done.stderr.startswith('deeplake.plugins INFO loaded codec "raw" of deeplake-core')


def test_the_foreign_distribution_of_our_packages_name_is_warned_of_once(site: Site) -> None:
    site.install("deeplake", "4.7.4", {})
    done = site.run(
        """
        import warnings
        warnings.simplefilter("always")
        plugins.names("codec")
        sys.path.append("/nowhere")  # looks again
        plugins.names("codec")
        """
    )
    assert done.returncode == 0
    assert done.stderr.count("RuntimeWarning") == 1
    assert 'The distribution "deeplake" 4.7.4 is installed beside "deeplake-core"' in done.stderr
    assert "pip uninstall deeplake deeplake-core" in done.stderr


# --------------------------------------------------------------------------- hooks
HOOKS = """
from deeplake.spi import hookimpl

class Audit:
    def __init__(self):
        self.seen = []

    @hookimpl
    def deeplake_committed(self, commit_id):
        self.seen.append(commit_id)
        return f"{commit_id} audited"
"""


def test_without_providers_hooks_cost_no_import(site: Site) -> None:
    assert site.result(
        """
        results = plugins.hook("deeplake_committed", dataset=None, commit_id="c1")
        show([results, plugins.wrap_store(7, "mem://x"), "pluggy" in sys.modules])
        """
    ) == [[], 7, False]


def test_installed_providers_of_hooks_are_called(site: Site) -> None:
    site.module("acme_audit", HOOKS)
    site.module(
        "acme_log",
        """
        from deeplake.spi import hookimpl

        @hookimpl
        def deeplake_committed(dataset, commit_id):
            return f"{dataset} logged"
        """,
    )
    site.install("acme-audit", "1", {"hooks": {"audit": "acme_audit:Audit"}})
    site.install("acme-log", "1", {"hooks": {"audit": "acme_log"}})  # any number, of any name
    assert site.result(
        """
        before = [i.status for i in plugins.available() if i.kind == "hooks"]
        results = plugins.hook("deeplake_committed", dataset="ds", commit_id="c1")
        again = plugins.hook("deeplake_committed", dataset="ds", commit_id="c2")
        after = [i.status for i in plugins.check() if i.kind == "hooks"]
        show([before, sorted(results), sorted(again), after])
        """
    ) == [
        ["available"] * 2,
        ["c1 audited", "ds logged"],
        ["c2 audited", "ds logged"],
        ["loaded"] * 2,
    ]


def test_a_disabled_provider_of_hooks_is_not_called(site: Site) -> None:
    site.module("acme_audit", "raise RuntimeError('imported')")
    site.install("acme-audit", "1", {"hooks": {"audit": "acme_audit:Audit"}})
    for disabled in ("hooks:audit", "acme-audit"):
        assert site.result(
            """
            results = plugins.hook("deeplake_committed", dataset="ds", commit_id="c1")
            show([results, [i.status for i in plugins.available() if i.kind == "hooks"]])
            """,
            DEEPLAKE_PLUGINS_DISABLE=disabled,
        ) == [[], ["disabled"]]


def test_a_provider_of_hooks_that_is_not_allowed_is_not_called(site: Site) -> None:
    site.module("acme_audit", HOOKS)
    site.install("acme-audit", "1", {"hooks": {"audit": "acme_audit:Audit"}})
    code = 'show(plugins.hook("deeplake_committed", dataset="ds", commit_id="c1"))'
    assert site.result(code, DEEPLAKE_PLUGINS_ALLOW="deeplake-core") == []
    assert site.result(code, DEEPLAKE_PLUGINS_ALLOW="hooks:audit") == ["c1 audited"]


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("raise RuntimeError('boom')", "PluginLoadError", ["RuntimeError: boom"]),
        (
            HOOKS.replace("deeplake_committed", "deeplake_commited"),
            "PluginContractError",
            ["deeplake_commited, which is no hook", 'did you mean "deeplake_committed"?'],
        ),
        (
            HOOKS.replace("commit_id", "commit"),
            "PluginContractError",
            ["do not take the arguments", "commit"],
        ),
        (HOOKS.replace("@hookimpl", ""), "PluginContractError", ["not marked", "hookimpl"]),
        ("class Audit: ...", "PluginContractError", ["implement no hook", "deeplake_committed"]),
        (
            HOOKS.replace("self.seen.append(commit_id)", "raise KeyError('ledger')"),
            "PluginError",
            ["The hook deeplake_committed of", "raised KeyError: 'ledger'"],
        ),
    ],
)
def test_a_broken_provider_of_hooks_is_named(
    site: Site, module: str, name: str, words: list[str]
) -> None:
    site.module("acme_audit", module)
    site.install("acme-audit", "1.2", {"hooks": {"audit": "acme_audit:Audit"}})
    code = """
    def call():
        plugins.hook("deeplake_committed", dataset="ds", commit_id="c1")

    show([failure(call), [i.status for i in plugins.check() if i.kind == "hooks"]])
    """
    failure, status = site.result(code)
    assert failure[0] == name
    assert "acme-audit 1.2 (acme_audit:Audit)" in failure[1]
    for word in words:
        assert word in failure[1]
    # One that fails when it is called is not broken before that.
    assert status == (["loaded"] if name == "PluginError" else ["broken"])


class Veto:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @spi.hookimpl
    def deeplake_before_commit(self, message: str | None) -> None:
        raise self.error


@pytest.fixture
def provider() -> Iterator[list[object]]:
    """Providers to unregister after the test."""
    registered: list[object] = []
    yield registered
    for each in registered:
        plugins.unregister_hooks(each)


def test_a_veto_keeps_its_own_error_and_is_told_apart(provider: list[object]) -> None:
    veto = Veto(CommitError("label 3 is missing"))
    plugins.register_hooks(veto)
    provider.append(veto)
    with pytest.raises(CommitError, match="label 3 is missing") as caught:
        plugins.hook("deeplake_before_commit", dataset=None, message=None)
    assert "Veto" in caught.value.__notes__[0]
    assert "deeplake_before_commit" in caught.value.__notes__[0]


def test_other_errors_of_hooks_are_wrapped(provider: list[object]) -> None:
    veto = Veto(ZeroDivisionError("oops"))
    plugins.register_hooks(veto, name="divider")
    provider.append("divider")
    with pytest.raises(PluginError, match="raised ZeroDivisionError: oops") as caught:
        plugins.hook("deeplake_before_commit", dataset=None, message=None)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_hooks_are_registered_in_this_process_under_a_name(provider: list[object]) -> None:
    class Opened:
        @spi.hookimpl
        def deeplake_dataset_opened(self, dataset: Any) -> str:
            return f"opened {dataset}"

    plugins.register_hooks(Opened, name="test-opened")
    provider.append(Opened)
    assert plugins.hook("deeplake_dataset_opened", dataset="ds") == ["opened ds"]
    (row,) = [i for i in plugins.available() if i.key == "test-opened"]
    assert (row.kind, row.source, row.status) == ("hooks", "in-process", "loaded")
    with pytest.raises(PluginConflictError, match="another name"):
        plugins.register_hooks(Opened, name="test-opened")
    plugins.unregister_hooks("test-opened")
    provider.clear()
    assert plugins.hook("deeplake_dataset_opened", dataset="ds") == []
    with pytest.raises(PluginNotFoundError, match="No hooks of"):
        plugins.unregister_hooks("test-opened")


def test_a_refused_provider_leaves_nothing_behind() -> None:
    class Wrong:
        @spi.hookimpl
        def deeplake_committed(self, commit_id: str) -> str:
            return commit_id

        @spi.hookimpl
        def deeplake_epoch_started(self, wrong: int) -> None:
            return None

    with pytest.raises(PluginContractError, match="arguments of their hook"):
        plugins.register_hooks(Wrong())
    assert plugins.hook("deeplake_committed", dataset=None, commit_id="c1") == []
    plugins.hook("deeplake_epoch_started", loader=None, epoch=0)


class Around(spi.Store):
    """A store around another; only what is around what matters here."""

    def __init__(self, inner: Any, name: str) -> None:
        self.inner, self.name = inner, name

    get = get_versioned = put = head = delete = list = None  # type: ignore[assignment]


class Wrap:
    def __init__(self, name: str) -> None:
        self.name = name

    @spi.hookimpl
    def deeplake_wrap_store(self, store: Any, url: str) -> Any:
        return {"none": None, "wrong": 7}.get(self.name, Around(store, f"{self.name} of {url}"))


def test_stores_are_wrapped_one_around_the_other(provider: list[object]) -> None:
    bare = Around(None, "bare")
    assert plugins.wrap_store(bare, "mem://x") is bare
    for name in ("a", "none", "b"):
        plugins.register_hooks(Wrap(name), name=name)
        provider.append(name)
    outer: Any = plugins.wrap_store(bare, "mem://x")
    assert (outer.name, outer.inner.name) == ("a of mem://x", "b of mem://x")
    assert outer.inner.inner is bare
    plugins.register_hooks(Wrap("wrong"), name="wrong")
    provider.append("wrong")
    with pytest.raises(PluginContractError, match=r"test_plugins:Wrap .*returned int"):
        plugins.wrap_store(bare, "mem://x")


def test_pluggys_wrappers_work(provider: list[object]) -> None:
    class Timing:
        @pluggy.HookimplMarker("deeplake")(wrapper=True)
        def deeplake_committed(self) -> Any:
            results = yield
            return [*results, "around"]

    timing = Timing()
    plugins.register_hooks(timing)
    provider.append(timing)
    assert plugins.hook("deeplake_committed", dataset=None, commit_id="c1") == ["around"]


def test_an_unknown_hook_is_refused_with_and_without_providers(site: Site) -> None:
    with pytest.raises(PluginNotFoundError, match="deeplake_committed"):
        plugins.hook("deeplake_comitted")
    code = "show(failure(plugins.hook, 'deeplake_comitted'))"
    assert site.result(code)[0] == "PluginNotFoundError"


def test_every_hookspec_is_known_to_pluggy() -> None:
    manager = plugins.hooks()
    specs = [name for name in vars(spi.Hooks) if not name.startswith("_")]
    assert specs
    for name in specs:
        assert getattr(manager.hook, name).spec is not None


def test_errors_are_import_errors_where_a_programmer_expects_it() -> None:
    assert issubclass(PluginNotFoundError, ImportError)
    assert issubclass(PluginLoadError, ImportError)
