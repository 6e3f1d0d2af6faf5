# Everything a contributor does. Needs Python 3.11 or newer, make and git; nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIR ?= .
VSCODE := editors/vscode

# Each has a target of its own, `test-NAME`, that installs what it needs, ends by itself in time and
# prints "N passed, N failed".
EDITORS := vscode neovim emacs vim

.DEFAULT_GOAL := help

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

try: $(VENV)/installed  ## review this repository, or another: make try DIR=path
	@$(BIN)/claude-lsp review $(DIR) || status=$$?; \
	if [ $${status:-0} -eq 2 ]; then exit 2; fi

test: $(VENV)/tested  ## run the tests
	$(BIN)/python -m pytest $(ARGS)

test-editors: $(EDITORS:%=test-%)  ## run the real editors against the server

test-neovim: $(VENV)/neovim  ## run Neovim against the server
	timeout --kill-after=10 300 $(BIN)/python -m pytest tests/editors/neovim $(ARGS)

test-emacs: $(VENV)/tested  ## run Emacs with eglot against the server
	$(call debian,$(HAS_EGLOT),emacs-nox elpa-eglot)
	timeout --kill-after=10 300 $(BIN)/python -m pytest tests/editors/emacs $(ARGS)

test-vim: $(VENV)/tested  ## run Vim with ALE against the server
	$(call debian,$(HAS_ALE),vim-nox vim-ale)
	timeout --kill-after=10 300 $(BIN)/python -m pytest tests/editors/vim $(ARGS)

test-vscode: $(VENV)/tested $(VSCODE)/node_modules/.package-lock.json  ## run VS Code with the extension against the server; needs Node 20
	cd $(VSCODE) && npm run --silent check && npm test --silent && npm run --silent package
	$(VSCODE)/tests/host/setup.sh $(filter --floor,$(ARGS))
	cd $(VSCODE) && timeout --kill-after=10 600 npm run --silent test:host -- $(ARGS)

neovim-images: $(VENV)/neovim  ## draw the pictures of Neovim in the documents; needs tmux, aha, chromium
	$(BIN)/python -m tests.editors.neovim.tour

check: $(VENV)/tested  ## lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/tested  ## format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(VENV)/tested  ## rewrite the generated tables in the documents
	$(BIN)/python -m docs.generate

cases: $(VENV)/tested  ## rewrite the expected sections of the text cases; read the diff
	CLAUDE_LSP_UPDATE_CASES=1 $(BIN)/python -m pytest tests/unit

bench: $(VENV)/tested  ## speed of the server, beside a bare pygls server
	$(BIN)/python -m benchmarks.server $(ARGS)

bench-review: $(VENV)/tested  ## what reviews make of remarks: places, identities, junk, cost
	$(BIN)/python -m benchmarks.review $(ARGS)

bench-context: $(VENV)/tested  ## how much of what a place needs is in its context
	$(BIN)/python -m benchmarks.context $(ARGS)

bench-architecture: $(VENV)/tested  ## the module graph beside other tools', and what the project map tells
	$(BIN)/python -m benchmarks.architecture $(ARGS)

bench-index: $(VENV)/tested  ## how soon and at what cost a project is indexed
	$(BIN)/python -m benchmarks.context.index $(ARGS)

bench-completion: $(VENV)/tested  ## completions beside other servers': speed, requests, cost
	$(BIN)/python -m benchmarks.completion $(ARGS)

fit-weights: $(VENV)/tested  ## fit the weights of the ranking of definitions, and write them
	$(BIN)/python -m benchmarks.context.train $(ARGS)

clean:  ## remove the environment and what tools left behind
	rm -rf $(VSCODE)/dist $(VSCODE)/claude-lsp.vsix $(VSCODE)/node_modules $(VSCODE)/tests/host/node_modules $(VSCODE)/tests/host/floor/node_modules
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# What an editor's suite needs: a command that succeeds where it is, and Debian's packages, which are
# installed where that may be done without asking.
HAS_EGLOT := emacs --batch --eval "(require 'eglot)"
HAS_ALE := vim -es -u NONE -i NONE -c "if globpath(&packpath, 'pack/*/opt/ale') == '' | cquit | endif" -c qall
define debian
@$(1) >/dev/null 2>&1 || { [ "$$(id -u)" -eq 0 ] && apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2) >/dev/null && $(1) >/dev/null 2>&1; } || \
  { echo "$@ needs the editor with its plugin; on Debian: apt-get install $(2)"; exit 1; }
endef

# An environment counts as made once everything is installed in it; pip's own caches make a second
# run quick. Bytecode is compiled now, so that the first start is not the slowest.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "claude-lsp needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	@touch $@

$(VENV)/neovim: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[neovim]'
	@touch $@

$(VSCODE)/node_modules/.package-lock.json: $(VSCODE)/package-lock.json
	cd $(VSCODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: help try test neovim-images test-editors test-emacs test-neovim test-vim test-vscode check fix generate cases bench bench-architecture bench-completion bench-context bench-index bench-review fit-weights clean
