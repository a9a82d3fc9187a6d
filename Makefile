# Every target needs `python3` (3.11 or later) and nothing else; the environment is .venv in this clone, outputs go to build/.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
ONLY ?=
TEST_ARGS ?=

# Seeds are fixed: what fails once fails again. Bytecode is kept, whatever the environment says: a test process, or a gateway that a test
# starts, is otherwise half its time compiling.
PYTEST := PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

POINTS ?= 1000

.PHONY: help setup demo test test-long test-crash check format-check lint types arrows bench bench-long mutants format lock clean \
	test-openadr3 peers-openadr3 mosquitto test-homeassistant test-edgex

help:
	@echo "make setup      the environment in .venv, once per lock file"
	@echo "make demo       the main job on real protocols, end to end    DEMO_ARGS=\"...\""
	@echo "make test       all tests but the long ones                   TEST_ARGS=\"...\""
	@echo "make test-long  the long ones"
	@echo "make test-crash kills at random moments, and what is lost     POINTS=1000 or STORY=seed"
	@echo "make test-openadr3  the OpenADR 3 tests with third parties' clients and mosquitto, which it installs"
	@echo "make test-homeassistant  against a real Home Assistant, which it installs in build/ (Python 3.13 or 3.12)"
	@echo "make test-edgex the EdgeX tests with mosquitto, which it installs"
	@echo "make check      format, lint, types, arrows, tests: what CI runs"
	@echo "make bench      speed, beside the peers: build/bench.json     ONLY=name"
	@echo "make bench-long the talks of a thousand homes: rounds, time, memory"
	@echo "make mutants    do the tests notice changes? build/mutants.txt"
	@echo "make format     put the sources into form"
	@echo "make lock       resolve requirements/*.in anew"

setup:
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh requirements/setup.sh

demo: setup
	@mkdir -p build
	$(BIN)/osed demo --json build/demo.json --keep build/demo $(DEMO_ARGS)

# The whole thread plays in real time and wants the machine for itself.
test: setup
ifeq ($(TEST_ARGS),)
	$(PYTEST) -n 2 --dist worksteal --ignore tests/scenarios/thread
	$(PYTEST) tests/scenarios/thread
else
	$(PYTEST) -n 2 --dist worksteal $(TEST_ARGS)
endif

test-long: setup
	$(PYTEST) -n 2 --dist worksteal -m long $(TEST_ARGS)

test-crash: setup
	PYTHONHASHSEED=0 $(BIN)/python -m tests.crash $(if $(STORY),--story $(STORY),--points $(POINTS))

# The OpenADR 3 tests with the peers they skip otherwise: two third parties' clients and an MQTT broker.
test-openadr3: setup peers-openadr3 mosquitto
	$(PYTEST) -q tests/protocols/openadr3 tests/peers/test_openadr3_clients.py $(TEST_ARGS)

peers-openadr3:
	@mkdir -p build/peers
	@PYTHON="$(PYTHON)" sh requirements/peers.sh build/peers openadr3-client 3.12 openadr3-client==2.4.2
	@PYTHON="$(PYTHON)" sh requirements/peers.sh build/peers python-oa3-client 3.10 openadr3==0.5.0 python-oa3-client==0.5.0

# A whole gateway in front of a real Home Assistant of its own, which is never set up but for the test.
test-homeassistant: setup
	@mkdir -p build/peers
	@PYTHON="$(PYTHON)" UV="$(CURDIR)/$(BIN)/uv" sh requirements/homeassistant.sh build/peers/homeassistant
	OSED_HOMEASSISTANT="$(CURDIR)/build/peers/homeassistant/bin/python" $(PYTEST) -q tests/homeassistant $(TEST_ARGS)

test-edgex: setup mosquitto
	$(PYTEST) -q tests/adapters/edgex tests/gateway/test_edgex.py $(TEST_ARGS)

mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || \
	if command -v apt-get >/dev/null; then $$(test "$$(id -u)" = 0 || echo sudo) apt-get install -y --no-install-recommends mosquitto; \
	else echo "mosquitto: install it with your system's package manager; the tests of MQTT are skipped without it" >&2; fi

check: format-check lint types arrows test

format-check: setup
	$(BIN)/ruff format --check .

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

arrows: setup
	$(PYTEST) -q tests/architecture

bench: setup
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

bench-long: setup
	$(BIN)/python -m benchmarks.thousand_homes

mutants: setup
	$(BIN)/python -m tests.mutants

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup
	$(LOCK) --output-file requirements/runtime.lock requirements/runtime.in
	$(LOCK) --output-file requirements/dev.lock requirements/dev.in

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
