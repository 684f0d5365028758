#!/usr/bin/env bash
# Makes stand-ins for the image's base images from Debian's packages and the local Rust toolchain, where none can be
# pulled: localhost/snakestone-builder and localhost/snakestone-runtime. Needs root, buildah and debootstrap.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

base() { # NAME INCLUDE
  debootstrap --variant=minbase ${2:+--include="$2"} "$release" "$work/$1" "${MIRROR:-}" >/dev/null
}

image() { # FOLDER TAG
  local container
  container=$(buildah from scratch)
  buildah copy -q "$container" "$work/$1" / >/dev/null
  buildah commit -q "$container" "$2" >/dev/null
  buildah rm "$container" >/dev/null
}

base runtime ca-certificates
image runtime localhost/snakestone-runtime
base builder gcc,libc6-dev,ca-certificates
# The toolchain of this machine, and the registry as it is set up and filled here.
mkdir -p "$work/builder/usr/local/cargo"
cp -a "$(rustc --print sysroot)/." "$work/builder/usr/local/"
for part in config.toml registry; do
  if [ -e "${CARGO_HOME:-$HOME/.cargo}/$part" ]; then
    cp -a "${CARGO_HOME:-$HOME/.cargo}/$part" "$work/builder/usr/local/cargo/"
  fi
done
mkdir -p "$work/builder/root" && ln -s /usr/local/cargo "$work/builder/root/.cargo"
image builder localhost/snakestone-builder
