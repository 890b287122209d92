# `make demo` and `make test` do everything, set-up included, on a machine with Python >= 3.10 and a C++ compiler.
# PYTHON=python3.12 chooses the interpreter, VENV=folder the environment, ARGS="-k add" adds pytest arguments.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
RUN = $(VENV)/bin
SETUP = $(PYTHON) tools/setup_env.py --venv $(VENV)

.PHONY: help build demo test compat sanitize bench lint format docs stubs dev clean distclean

help:
	@echo "make demo      build, install into $(VENV), run a notebook"
	@echo "make test      build, install, run the tests (ARGS='-k add' to choose)"
	@echo "make compat    the same against PyTorch 2.13.0, which is installed for it"
	@echo "make sanitize  the tests under AddressSanitizer and UndefinedBehaviorSanitizer (LEAKS=1: and leaks)"
	@echo "make bench     the benchmarks, side by side with PyTorch; writes docs/benchmarks.md"
	@echo "make lint      ruff, pyright, clang-format"
	@echo "make dev       development build into facula/ (then: PYTHONPATH=. $(RUN)/python)"

build:
	@$(SETUP)

demo: build
	@$(RUN)/facula run examples/basics.ipynb

test:
	@$(SETUP) --extras test
	$(RUN)/pytest tests --ignore=tests/compat $(ARGS)

compat:
	@$(SETUP) --extras test compat
	$(RUN)/pytest tests/compat -n 2 $(ARGS)

sanitize:
	@$(SETUP) --extras test --no-facula
	@$(PYTHON) tools/sanitize.py --venv $(VENV) $(if $(LEAKS),--leaks) -- tests --ignore=tests/compat $(ARGS)

bench:
	@$(SETUP) --extras numpy compat
	@for b in overhead kernels training functional startup; do $(RUN)/python benchmarks/$$b.py || exit 1; done

lint:
	@$(SETUP) --extras test dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/clang-format --dry-run -Werror $$(git ls-files '*.cpp' '*.h')
	$(RUN)/python tools/make_stubs.py
	$(RUN)/pyright --pythonpath $(RUN)/python

format:
	@$(SETUP) --extras dev
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .
	$(RUN)/clang-format -i $$(git ls-files '*.cpp' '*.h')

# docs/operations.md and the type stubs come from the operations' entries.
docs: build
	@$(RUN)/python tools/make_docs.py

stubs: build
	@$(RUN)/python tools/make_stubs.py

# One instruction set and no install: the quickest way from an edit to a result.
dev:
	@$(SETUP) --extras test
	cmake -S . -B build/dev -G Ninja -DPython_EXECUTABLE=$(abspath $(RUN)/python) $(DEV_FLAGS)
	cmake --build build/dev

clean:
	rm -rf build build-* dist facula/*.so
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
