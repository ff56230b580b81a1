# Every command a user or developer of this repository needs. `make help` lists them.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.complete
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup system-libraries keras-2 demo test soak fuzz run lint bench docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   the whole pipeline on a simulated tomogram, with a report in demo/report.html"
	@echo "make test   all tests"
	@echo "make soak   the promises of docs/reference/reliability.md in their long forms, for hours"
	@echo "make fuzz   ten minutes of damaged files for every reader"
	@echo "make run    the ais command: make run ARGS='info tomogram.mrc'"
	@echo "make lint   ruff and mypy"
	@echo "make bench  the figures of docs/benchmarks.md, each with a ratio"
	@echo "make docs   the documentation in site/"

$(SETUP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Ais needs Python 3.11, 3.12 or 3.13: install one and run again."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[cluster,test,docs]'
	@touch $(SETUP)

setup: $(SETUP)

# Xvfb and OpenGL in software, for tests of the window; quick where they are.
system-libraries:
	.ci/system-libraries

# TensorFlow and Keras 2.15 in .venv-keras2, for tests of models for Ais 1.x; quick where they are.
keras-2:
	.ci/keras-2

demo: $(SETUP)
	$(BIN)/ais demo -o demo --size small --no-window

test: system-libraries keras-2 $(SETUP)
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadfile --no-loadscope-reorder --durations=30

soak: system-libraries keras-2 $(SETUP)
	@echo "Kills, full disks and long use, in their long forms (tests/promises, tests/soak); this takes some hours."
	AIS_SOAK=1 $(BIN)/python -m pytest -m soak -s -v --durations=0 -o faulthandler_timeout=5400

fuzz: $(SETUP)
	AIS_FUZZ_SECONDS=600 AIS_FUZZ_SEED=$$RANDOM $(BIN)/python -m pytest tests/test_fuzz.py -s

run: $(SETUP)
	$(BIN)/ais $(ARGS)

lint: $(SETUP)
	$(BIN)/ruff check ais tests benchmarks
	$(BIN)/ruff format --check ais tests benchmarks
	$(BIN)/mypy

bench: $(SETUP)
	$(BIN)/python benchmarks/run_all.py

docs: $(SETUP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) .venv-keras2 build dist site demo *.egg-info
