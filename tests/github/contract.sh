#!/usr/bin/env bash
# Holds every request that the tests make against GitHub's own description of its interface: the tests record their
# requests, Prism validates them. Needs node, npm and a registry; keeps about 700 MB below target/contract.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$PWD/target/contract
mkdir -p "$folder"
if [ ! -d "$folder/node_modules/@octokit/openapi" ]; then
  npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --silent \
    @octokit/openapi@23.0.2 @stoplight/prism-cli@5.16.0
fi
rm -f "$folder/requests.jsonl"
SNAKESTONE_RECORD=$folder/requests.jsonl ${CARGO:-cargo} test --quiet --locked --test github >/dev/null
node tests/github/contract.mjs "$folder"
