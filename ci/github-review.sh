#!/usr/bin/env bash
# The step of the GitHub action: reviews by the inputs in the environment, and keeps the exit code.
set -euo pipefail

output=${INPUT_OUTPUT:-claude-lsp-review}
mkdir -p "$output"
arguments=(
  review
  --format github
  -o "sarif:$output/review.sarif"
  -o "markdown:$output/review.md"
  -o "json:$output/review.json"
  --fail-on "${INPUT_FAIL_ON:-never}"
  --max-cost "${INPUT_MAX_COST:-1.00}"
  --skip-without-key
)
if [ -n "${INPUT_BASE:-}" ]; then
  arguments+=(--base "$INPUT_BASE")
fi
while IFS= read -r argument; do
  if [ -n "$argument" ]; then
    arguments+=("$argument")
  fi
done <<<"${INPUT_ARGUMENTS:-}"

status=0
claude-lsp "${arguments[@]}" || status=$?

if [ -s "$output/review.md" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  # A summary holds a megabyte; what is left out is in the files.
  head -c 1000000 "$output/review.md" >>"$GITHUB_STEP_SUMMARY"
fi
{
  echo "exit-code=$status"
  echo "sarif=$output/review.sarif"
  echo "markdown=$output/review.md"
} >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$status"
