# `make demo` and `make test` need nothing but Python 3.11 or newer and make: they set up .venv themselves, once.

.DEFAULT_GOAL := test
.PHONY: demo test generate check record bench lint types format clean

BIN := .venv/bin
READY := .venv/.ready
CLI := $(BIN)/dynamics-portal
HLF := --metadata spec/hlf/metadata.xml --selection spec/hlf/selection.yaml --overlay spec/hlf/overlay.yaml
PACKAGE := --package dynamics_portal_api
CHECK := .cache/check
CAN_RUN := import sys, venv, ensurepip, ssl, sqlite3; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
NO_PYTHON := No Python 3.11 to 3.14 with venv and ensurepip was found. Install one (on Debian: apt-get install python3-venv), or name it: make PYTHON=/path/to/python

demo: $(READY) ## the main job, on real input, against an emulated Dataverse
	$(CLI) demo

test: $(READY) ## every test, and the coverage that the wrapper must keep
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --cov --cov-report term --cov-fail-under 90

generate: $(READY) ## derive spec/hlf/openapi.yaml, generated_client/ and the wrapper's synchronous shell
	$(CLI) openapi $(HLF) -o spec/hlf/openapi.yaml && $(CLI) generate --spec spec/hlf/openapi.yaml $(PACKAGE) -o generated_client && $(BIN)/python tools/derive_sync.py

check: $(READY) ## prove that `make generate` would change nothing
	rm -rf $(CHECK) && mkdir -p $(CHECK) && $(CLI) openapi $(HLF) -o $(CHECK)/openapi.yaml && $(CLI) generate --spec $(CHECK)/openapi.yaml $(PACKAGE) -o $(CHECK)/generated_client && diff -u spec/hlf/openapi.yaml $(CHECK)/openapi.yaml && diff -ru -x __pycache__ generated_client $(CHECK)/generated_client && $(BIN)/python tools/derive_sync.py --check && echo 'Derived files are what they are derived from.'

record: $(READY) ## record cassettes/ against the emulator; ARGS="--organisation" against the one that DYNAMICS_* name
	$(BIN)/python -m tools.record $(ARGS)

bench: $(READY) ## each prints a ratio against a named peer
	for file in benchmarks/bench_*.py; do $(BIN)/python -m "$$(echo "$${file%.py}" | tr / .)" || exit 1; done

lint: $(READY) ## style, format, and who may import whom
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache

types: $(READY) ## mypy --strict on everything, generated code included
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage dist

$(READY): pyproject.toml
	@python="$(PYTHON)"; for p in $${python:-python3.14 python3.13 python3.12 python3.11 python3 python}; do if "$$p" -c '$(CAN_RUN)' 2>/dev/null; then python="$$p"; break; fi; python=; done; test -n "$$python" || { echo '$(NO_PYTHON)' >&2; exit 1; }; echo "Setting up .venv with $$("$$python" -V) (once; a minute or two)" && "$$python" -m venv --clear .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' && touch $@
