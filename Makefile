# Every target sets up .venv by itself when needed, and again only when the dependencies changed.
# `make help` lists the targets.

PYTHON ?= $(firstword $(shell command -v python3 python 2>/dev/null))
ifeq ($(OS),Windows_NT)
VENV_PYTHON ?= .venv/Scripts/python.exe
else
VENV_PYTHON ?= .venv/bin/python
endif

SETUP = @$(if $(PYTHON),$(PYTHON) -m scripts.environment,echo "Set-up stopped: Python 3.11 or newer is needed, found none." >&2; exit 1;)
NAME ?=
SCHEDULER ?= $(DEEPRESTORE_SCHEDULER)
LAB_ARGS ?=
TEST_ARGS ?=

.PHONY: help book pdf test test-gpu lab slides exercises bench records weights lock format check clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

book: ## build the book; open book/_build/html/index.html
	$(SETUP) book training
	@$(VENV_PYTHON) -m scripts.book

pdf: book ## print the book into book/_build/deep-restoration-lab.pdf (needs a Chromium)
	$(SETUP) book training pdf
	@$(VENV_PYTHON) -m scripts.book.pdf

slides: book ## make lecture slides from the chapters' figures in book/_build/slides: all, or NAME=10_map
	$(SETUP) book training
	@$(VENV_PYTHON) -m scripts.book.slides $(NAME)

# Two workers with one thread each: a browser test or one with a kernel keeps a core busy by itself. Files are not split
# between workers; long ones start first (conftest.py). The build has run every chapter, and the tests compare what each
# printed with what it stores, by nbval's rules. One goes through nbval itself, which runs it as a reader's Jupyter does.
NBVAL = OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -q --nbval-lax --nbval-kernel-startup-timeout=180
WORKERS = OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test: ## build the book, compare its claims, run all tests, doctests and browser tests, with coverage
	$(SETUP) book tests training
	@$(VENV_PYTHON) -m scripts.book
	$(NBVAL) book/part1_representations/01_patterns.ipynb $(TEST_ARGS)
	$(WORKERS) tests deeprestore_lab --cov --cov-report=term --cov-fail-under=90 $(TEST_ARGS)

# Its tests are run on the CPU too, where there is no GPU: DEEPRESTORE_TEST_DEVICE=cpu make test-gpu
test-gpu: ## compare the library on a GPU with the CPU; says so where there is none
	$(SETUP) tests training
	@$(VENV_PYTHON) -m pytest -q tests/gpu $(TEST_ARGS)

lab: ## open JupyterLab on the chapters and the exercises; LAB_ARGS=--allow-root passes it an option
	$(SETUP) book training
	@$(VENV_PYTHON) -m jupyterlab $(LAB_ARGS) $(if $(wildcard book/intro.ipynb),--LabApp.default_url=/lab/tree/book/intro.ipynb)

exercises: ## build the exercises from their sources: all, or NAME=10_map; grade with nbgrader
	$(SETUP) book teaching
	@$(VENV_PYTHON) -m deeprestore_lab exercises build $(NAME)

bench: ## measure speed against the peers; prints a table and writes benchmarks/results/
	$(SETUP) benchmarks
	@$(VENV_PYTHON) -m benchmarks.run

records: ## make the shipped records again: all, or NAME=calibration; SCHEDULER=tcp://HOST:8786 runs a sweep on a cluster
	$(SETUP) training scale baselines benchmarks
	@DEEPRESTORE_SCHEDULER=$(SCHEDULER) $(VENV_PYTHON) -m scripts.making records $(NAME)

weights: ## make the shipped weights again: all, or NAME=...
	$(SETUP) training
	@$(VENV_PYTHON) -m scripts.making weights $(NAME)

lock: ## pin the newest dependencies that fit in constraints.txt
	$(SETUP)
	@$(VENV_PYTHON) -m scripts.environment.lock

format: ## format the code and strip the notebooks
	$(SETUP) tests
	@$(VENV_PYTHON) -m ruff format .
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m scripts.book.check_notebooks --fix

check: ## check format, style and notebooks, changing nothing
	$(SETUP) tests
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m scripts.book.check_notebooks

clean: ## remove what was built; .venv and the parts of records in .cache/records, hours of work, stay
	@[ ! -d .cache ] || find .cache -mindepth 1 -maxdepth 1 ! -name records -exec rm -rf {} +
	@rm -rf book/_build book/extra build dist .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* coverage.xml
	@find . -name .venv -prune -o -name node_modules -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints -o -name '*.egg-info' \) -type d -prune -exec rm -rf {} +
