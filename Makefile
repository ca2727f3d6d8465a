# What a user and a developer need, in one word each. Nothing here needs more than make, a C compiler and Python 3.11.

VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup-done
DEMO := .demo

# Generated with the oldest tool that the supported protobuf versions understand; it needs an old protobuf itself,
# and so an environment of its own.
PROTOS_VENV := .venv-protos
PROTOS_SETUP := $(PROTOS_VENV)/.grpcio-tools-1.71.2
PROTOC = $(PROTOS_VENV)/bin/python -m grpc_tools.protoc -I .
PROTO_FILES := $(wildcard protos/stageline/v1/*.proto)

# A name on the PATH is not enough: version managers leave some there that only print an error.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)

.DELETE_ON_ERROR:
.PHONY: help setup demo test test-models test-board board-resnet18 board-others lint format protos protos-check clean

help:
	@echo 'make setup         installs into $(VENV), once'
	@echo 'make demo          plans MobileNet for this machine, runs the pipeline, shows predicted beside measured'
	@echo 'make test          the tests'
	@echo 'make test-models   every built-in network, end to end (minutes)'
	@echo 'make test-board    the whole way to an emulated aarch64 board, made of Debian packages in the cache (minutes)'
	@echo 'make lint          style, types, who imports whom'
	@echo 'make format        rewrites the sources in the style that lint wants'
	@echo 'make protos        generates the modules of protos/ again; protos-check says whether they are current'
	@echo 'make clean         removes everything that make has made'

setup: $(SETUP)

$(SETUP): pyproject.toml
	@$(if $(PYTHON),,echo 'No Python 3.11 or newer with the venv module found; on Debian: apt-get install python3.11-venv' >&2; exit 1)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[host,tune,dev]'
	@touch $@

demo: setup
	@mkdir -p $(DEMO)
	$(BIN)/host plan --model mobilenet --deploy --db $(DEMO)/profiles.sqlite

test: setup
	$(BIN)/python -m pytest

test-models: setup
	$(BIN)/python -m pytest tests/e2e/models.py

test-board: setup
	$(MAKE) --no-print-directory --jobs 2 --output-sync board-resnet18 board-others

board-resnet18:
	$(BIN)/python -m pytest tests/emulated_board/pipeline.py -k resnet18

board-others:
	$(BIN)/python -m pytest $(addprefix tests/emulated_board/,kernels.py symbols.py cuda.py pipeline.py) -k 'not resnet18'

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(PROTOS_SETUP):
	@$(if $(PYTHON),,echo 'No Python 3.11 or newer with the venv module found' >&2; exit 1)
	$(PYTHON) -m venv $(PROTOS_VENV)
	$(PROTOS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check grpcio-tools==1.71.2
	@touch $@

protos: $(PROTOS_SETUP)
	$(PROTOC) --python_out=. --pyi_out=. --grpc_python_out=. $(PROTO_FILES)

protos-check: $(PROTOS_SETUP)
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(PROTOC) --python_out="$$fresh" --pyi_out="$$fresh" --grpc_python_out="$$fresh" $(PROTO_FILES) && \
	for file in $$(cd "$$fresh" && find . -type f); do \
		diff -u "$$file" "$$fresh/$$file" || { echo "$$file is not current: run make protos" >&2; exit 1; }; \
	done

clean:
	rm -rf $(VENV) $(PROTOS_VENV) $(DEMO) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
