#!/usr/bin/env bash
# Suggestions for files of real packages: each is committed alone and must apply, parse, and silence its finding.
# Packages are downloaded and read; nothing of them is run.
#
#   tests/github/packages.sh [FOLDER…]    FOLDERs instead of downloads
set -euo pipefail
cd "$(dirname "$0")/../.."
folders=("$@")
if [ ${#folders[@]} -eq 0 ]; then
    temp=$(mktemp -d)
    trap 'rm -rf "$temp"' EXIT
    for package in oslo.concurrency==7.1.0 paramiko==3.5.1 supervisor==4.2.5; do
        python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$temp" "$package"
    done
    for wheel in "$temp"/*.whl; do
        folder=${wheel%.whl}
        python3 -m zipfile --extract "$wheel" "$folder"
        folders+=("$folder")
    done
fi
SNAKESTONE_PACKAGES=$(IFS=:; echo "${folders[*]}") \
    ${CARGO:-cargo} test --test github suggestions_for_real_packages_can_be_committed -- --ignored --nocapture
