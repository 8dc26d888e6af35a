# Two commands set everything up: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
TORCH ?= torch==2.13.0
DEMO := demo
DEV_EXTRAS := dev

# Installing builds the page of the browser again only where its sources have changed.
PAGE := $(shell find frontend -path frontend/node_modules -prune -o -type f -print) hatch_build.py

.PHONY: help demo test lint client bench-movies bench-ctf bench-2d bench-picking bench-engine bench-store bench-web soak screenshots docs clean \
	external chromium

help:
	@echo "make demo          set up, run a live session with a simulated camera, show it in the browser; all is in $(DEMO)/ (4 minutes)"
	@echo "make test          set up, run the linters, the type checker and all tests"
	@echo "make lint          ruff, mypy and the layer contracts only"
	@echo "make bench-movies  measure motion correction and CTF estimation (minutes)"
	@echo "make bench-ctf     measure CTF estimation on simulated sums and real micrographs (a minute)"
	@echo "make bench-2d      compare 2D classification with RELION: CPU time, memory, quality of the classes (two hours)"
	@echo "make bench-picking measure picking on simulated micrographs of two specimens (minutes)"
	@echo "make bench-engine  measure what the engine costs per task (a minute)"
	@echo "make bench-store   measure a project of 100,000 images and 10 million particles (minutes)"
	@echo "make bench-web     measure the pages in a browser: 100,000 images, 1,000 jobs, 200 viewers (minutes)"
	@echo "make screenshots   take a picture of every page of a simulated session into screenshots/"
	@echo "make client        make the page's typed client anew from the routes"
	@echo "make soak          kill a session of 200 movies again and again, compare it with an undisturbed one (long)"
	@echo "make docs          build the documentation into site/"
	@echo "make clean         remove everything that was built"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than Python 3.11; install python3.11 and python3.11-venv, or give PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && (apt-get install -y -qq "$$(basename $(PYTHON))-venv" || apt-get install -y -qq python3-venv); \
		else \
			echo "Python's venv module is missing: sudo apt-get install python3-venv (Ubuntu: python3.11-venv)"; exit 1; \
		fi; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and by itself: a build that is there already is kept; TORCH= names another version or build.
$(STAMP): $(BIN)/python pyproject.toml constraints.txt $(PAGE)
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet -e . -c constraints.txt
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet -e '.[$(DEV_EXTRAS)]' -c constraints.txt
	@touch $@

demo: $(STAMP)
	$(BIN)/python examples/demo.py --out $(DEMO) $(DEMO_OPTIONS)

# After a route has changed: the schema of the requests, and the types that the page makes of it.
client: $(DEV_STAMP)
	$(BIN)/python -m vitreous.web.openapi frontend/openapi.json
	cd frontend && npm run --silent client

external:
	@command -v relion_refine >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends relion >/dev/null; \
		fi; command -v relion_refine >/dev/null || echo "RELION is not installed: tests that compare with it are skipped"; }

chromium:
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
				chromium fonts-dejavu-core >/dev/null; \
		fi; command -v chromium >/dev/null || echo "Chromium is not installed: tests in a browser are skipped"; }

lint: $(DEV_STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(DEV_STAMP) external chromium lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

bench-movies: $(DEV_STAMP) external
	$(BIN)/python benchmarks/movies.py

bench-ctf: $(DEV_STAMP)
	$(BIN)/python benchmarks/ctf.py --folder bench/ctf

bench-2d: $(DEV_STAMP) external
	$(BIN)/python benchmarks/classes2d.py --folder bench/classes2d

bench-picking: $(DEV_STAMP)
	$(BIN)/python benchmarks/picking.py --folder bench/picking

bench-engine: $(DEV_STAMP)
	$(BIN)/python benchmarks/engine.py

bench-store: $(DEV_STAMP)
	$(BIN)/python benchmarks/store.py --folder bench/store

bench-web: $(DEV_STAMP) chromium
	$(BIN)/python benchmarks/web.py --folder bench/web

screenshots: $(DEV_STAMP) chromium
	$(BIN)/python benchmarks/screenshots.py --out screenshots

soak: $(DEV_STAMP)
	$(BIN)/python benchmarks/soak.py --folder bench/soak

docs: $(DEV_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

clean:
	rm -rf $(VENV) $(DEMO) site bench screenshots build dist frontend/node_modules src/vitreous/web/static .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
