#!/usr/bin/env python3
"""Applies all safe edits, and apart all suggested ones, to real packages, and checks what comes out.

    tests/fix/packages.py target/release/snakestone [--from FOLDER] [PACKAGE ...]

Packages are downloaded as wheels and never imported; with `--from` they are folders of that name, as those must be that
have no wheel, such as salt. Checked is, with the
`ast` and `tokenize` of the Python that runs this: each changed file parses if it did before, no comment is lost, and a
second run changes nothing.
"""

import argparse
import ast
import collections
import io
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tokenize
import warnings

PACKAGES = ["neutron", "nova", "salt", "ansible-core", "django", "homeassistant"]


def unpack(package, folder, source):
    """The package's files in `folder`."""
    if source:
        shutil.copytree(source / package, folder, symlinks=True)
        return
    with tempfile.TemporaryDirectory() as wheels:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        if subprocess.run([*pip, "--dest", wheels, package], stderr=subprocess.DEVNULL).returncode != 0:
            sys.exit(f"{package}: no wheel to be had; unpack its source and name the folder around it with --from")
        for wheel in pathlib.Path(wheels).iterdir():
            shutil.unpack_archive(wheel, folder, "zip")


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()}


def parses(data):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


def comments(data):
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    return collections.Counter(token.string.rstrip() for token in tokens if token.type == tokenize.COMMENT)


def fix(binary, folder, flags):
    """Runs `snakestone fix`; what it failed at is told by its exit code."""
    done = subprocess.run([binary, "fix", *flags], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"snakestone fix failed in {folder}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1]


def check(binary, package, flags, folder, source):
    """What is wrong after the edits."""
    unpack(package, folder, source)
    before = contents(folder)
    summary = fix(binary, folder, flags)
    after = contents(folder)
    problems = [f"{path}: came or went" for path in before.keys() ^ after.keys()]
    changed = [path for path in before if path in after and before[path] != after[path]]
    for path in changed:
        old, new = before[path], after[path]
        if parses(old):
            if not parses(new):
                problems.append(f"{path}: parses no longer")
            elif lost := comments(old) - comments(new):
                problems.append(f"{path}: lost {list(lost)}")
        if (b"\r\n" in old) != (b"\r\n" in new):
            problems.append(f"{path}: other line ends")
    fix(binary, folder, flags)
    again = contents(folder)
    problems.extend(f"{path}: changed by a second run" for path in after if again.get(path) != after[path])
    print(f"{package} {' '.join(flags) or 'safe'}: {summary}; {len(changed)} files changed, {len(problems)} problems")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--from", dest="source", type=pathlib.Path)
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    args = parser.parse_intermixed_args()
    problems = []
    for package in args.packages:
        for flags in ([], ["--unsafe"]):
            with tempfile.TemporaryDirectory() as place:
                problems += check(args.binary.resolve(), package, flags, pathlib.Path(place) / package, args.source)
    print("\n".join(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
