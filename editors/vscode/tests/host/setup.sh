#!/usr/bin/env bash
# Installs what the tests in a real VS Code need, beside this script. A second run has nothing to do.
# With --floor also the oldest VS Code that the extension supports, which needs a compiler.
set -euo pipefail
cd "$(dirname "$0")"
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_loglevel=error

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if ! browser >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null
fi
browser >/dev/null || { echo "the tests in VS Code need Chromium or Chrome on the PATH" >&2; exit 1; }

vscode=node_modules/code-server/lib/vscode
if [ ! -e "$vscode/.installed" ] || [ package.json -nt "$vscode/.installed" ]; then
  npm install --ignore-scripts --no-package-lock
  # Its own scripts compile what is not needed here. Node's script fetches the program itself.
  (cd node_modules/node && node installArchSpecificPackage)
  (cd "$vscode" && npm install --omit=dev --ignore-scripts)
  touch "$vscode/.installed"
fi

vscode=floor/node_modules/code-server/lib/vscode
if [ "${1:-}" = --floor ] && [ ! -e "$vscode/.installed" ]; then
  (cd floor && npm install --ignore-scripts --no-package-lock)
  (cd "$vscode" && npm install --omit=dev --ignore-scripts --legacy-peer-deps)
  # Without these two its extension host does not start.
  (cd "$vscode" && npm rebuild @vscode/spdlog native-watchdog --ignore-scripts=false)
  touch "$vscode/.installed"
fi
