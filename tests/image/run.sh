#!/usr/bin/env bash
# Builds the image on the stand-ins and runs it as GitHub's runner does: workspace, file commands, inputs with hyphens.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah bud -q --network host \
  --build-arg BUILDER=localhost/snakestone-builder --build-arg RUNTIME=localhost/snakestone-runtime \
  -t localhost/snakestone . >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/workspace" "$work/file_commands" "$work/home"
cp -r examples/edge-router/. "$work/workspace/"
chown -R 1001:1001 "$work/workspace"
touch "$work/file_commands/output" "$work/file_commands/summary"
container=$(buildah from localhost/snakestone)
code=0
buildah run \
  -v "$work/workspace:/github/workspace" -v "$work/file_commands:/github/file_commands" -v "$work/home:/github/home" \
  --workingdir /github/workspace \
  -e HOME=/github/home -e GITHUB_ACTIONS=true -e GITHUB_WORKSPACE=/github/workspace \
  -e GITHUB_OUTPUT=/github/file_commands/output -e GITHUB_STEP_SUMMARY=/github/file_commands/summary \
  -e "INPUT_PATH=." -e "INPUT_FAIL-ON=low" -e "INPUT_SARIF-FILE=out/snakestone.sarif" -e "INPUT_EXCLUDE=" \
  "$container" -- /usr/local/bin/snakestone >"$work/log" || code=$?
buildah rm "$container" >/dev/null
fail() { echo "image test: $1"; cat "$work/log"; exit 1; }
[ "$code" -eq 1 ] || fail "exit code $code, expected 1"
grep -q '"2.1.0"' "$work/workspace/out/snakestone.sarif" || fail "no SARIF file"
grep -q "Conclusion" "$work/file_commands/summary" || fail "no summary"
grep -q "^sarif-file<<" "$work/file_commands/output" || fail "no outputs"
grep -q "^::\(error\|warning\|notice\) file=" "$work/log" || fail "no annotations"
[ "$(buildah inspect --type image --format '{{range .OCIv1.Config.Entrypoint}}<{{.}}>{{end}}' localhost/snakestone)" = '</usr/local/bin/snakestone>' ] || fail "the entry point is not the binary"
[ "$(stat -c %u "$work/workspace/README.md")" = 1001 ] || fail "files of the workspace changed their owner"
echo "image test: SARIF, summary, outputs, annotations and exit code are right"
