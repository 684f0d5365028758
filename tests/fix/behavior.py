#!/usr/bin/env python3
"""Applies all safe edits to real projects and runs their own tests before and after: the same ones must pass.

    tests/fix/behavior.py target/release/snakestone [PROJECT ...]

Each project is downloaded as its source distribution into a temporary folder, with an environment of its own; its
tests run there, without a network where the system lets us take it away. Nothing of it is kept.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import xml.etree.ElementTree as ElementTree

# Name, what its tests need, where they are.
PROJECTS = {
    "supervisor": (["setuptools<80"], ["supervisor/tests"]),
    "waitress": (["pytest-cov"], ["tests"]),
    "ptyprocess": ([], ["tests"]),
    "pexpect": ([], ["tests/test_run.py", "tests/test_misc.py", "tests/test_popen_spawn.py"]),
    "fabric": (["pytest-relaxed", "icecream"], ["tests"]),
}
MINUTES = 15


def without_network():
    """What to put before a command so that it has a loopback device and nothing else."""
    prefix = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']
    if shutil.which("unshare") and shutil.which("ip"):
        if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    return []


def source(project, place):
    """The unpacked source distribution."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", project]
    subprocess.run([*pip, "--dest", place / "sdist", project], check=True)
    [archive] = (place / "sdist").iterdir()
    with tarfile.open(archive) as tar:
        tar.extractall(place / "source", filter="data")
    [folder] = (place / "source").iterdir()
    return folder


def outcomes(python, folder, tests, place):
    """The tests by outcome; a run that tells of none is a failure of this script's."""
    report = place / "report.xml"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command = [*without_network(), *map(str, [*command, *tests])]
    # What is installed is there for its requirements; the source is what runs.
    paths = {**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"}
    done = subprocess.run(command, cwd=folder, env=paths, capture_output=True, text=True, timeout=MINUTES * 60)
    if not report.exists():
        sys.exit(f"no tests ran in {folder}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    passed = set()
    cases = list(ElementTree.parse(report).iter("testcase"))
    for case in cases:
        if not any(child.tag in ("failure", "error", "skipped") for child in case):
            passed.add((case.get("classname"), case.get("name")))
    report.unlink()
    return passed, len(cases)


def check(binary, project):
    """Whether the same tests pass before and after."""
    needs, tests = PROJECTS[project]
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary)
        folder = source(project, place)
        venv.create(place / "venv", with_pip=True)
        python = place / "venv/bin/python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pytest", project, *needs], check=True)
        before, n_before = outcomes(python, folder, tests, place)
        done = subprocess.run([binary, "fix"], cwd=folder, capture_output=True, text=True)
        summary = (done.stdout.splitlines() or [done.stderr])[-1]
        after, n_after = outcomes(python, folder, tests, place)
        broken = before - after
        if broken:
            # Tests that fail now and then are told from broken ones by a second run.
            broken -= outcomes(python, folder, tests, place)[0]
        print(f"{project}: {summary}; {len(before)} of {n_before} tests pass before, {len(after)} of {n_after} after")
        for name in sorted(broken):
            print("  broken:", *name)
        return not broken and n_before == n_after and bool(before)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("projects", nargs="*", default=list(PROJECTS))
    args = parser.parse_args()
    results = [check(args.binary.resolve(), project) for project in args.projects]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
