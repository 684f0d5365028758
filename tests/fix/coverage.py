#!/usr/bin/env python3
"""Counts how many findings in real code have a solution that names something of the code, and how many have an edit.

    tests/fix/coverage.py target/release/snakestone FOLDER ...

Folders are unpacked packages; of one called `examples` the test code counts too. Printed are, for each and in all: the
findings, those whose solution names nothing of their file, those above `low` and how many of these have an edit, and
the edits that were tried and proven.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

COLUMNS = ["findings", "nameless", "graver", "edited", "tried", "proven"]
WORD = re.compile(r"[^\W\d]\w*")


def names_code(solution, text):
    """Whether something between backticks in a solution is a word of the code."""
    words = {word for quoted in solution.split("`")[1::2] for word in WORD.findall(quoted)}
    return not words.isdisjoint(WORD.findall(text))


def count(binary, folder):
    """The figures of one folder, and the findings without an edit by rule."""
    tests = ["--tests", "all"] if folder.name == "examples" else []
    with tempfile.NamedTemporaryFile() as report:
        command = [binary, "scan", ".", *tests, "--stats", "-o", f"jsonl={report.name}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"snakestone scan failed in {folder}:\n{done.stderr[-2000:]}")
        findings = [json.loads(line) for line in report.read().decode().splitlines()]
    figures, missing, reasons = collections.Counter(), collections.Counter(), collections.Counter()
    for finding in findings:
        if finding["suppressed"]:
            continue
        text = (folder / finding["path"]).read_text(errors="replace")
        figures["findings"] += 1
        figures["nameless"] += not names_code(finding["solution"], text)
        if finding["severity"] != "low":
            figures["graver"] += 1
            figures["edited"] += finding["edit"] is not None
            missing[finding["rule"]] += finding["edit"] is None
    tried, proven = re.search(r"(\d+) edits tried, (\d+) of them proven", done.stderr).groups()
    figures.update(tried=int(tried), proven=int(proven))
    for n, reason in re.findall(r"(\d+) not offered, since ([^:]+):", done.stderr):
        reasons[reason] += int(n)
    return figures, missing, reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    rows, missing, reasons = {}, collections.Counter(), collections.Counter()
    for folder in args.folders:
        rows[folder.name], without, why = count(args.binary.resolve(), folder)
        missing += without
        reasons += why
    rows["all"] = sum(rows.values(), collections.Counter())
    print("|  |", " | ".join(COLUMNS), "|")
    for name, figures in rows.items():
        print(f"| {name} |", " | ".join(str(figures[column]) for column in COLUMNS), "|")
    print("not offered:", ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()))
    print("graver ones without an edit:", ", ".join(f"{rule} {n}" for rule, n in missing.most_common()))


if __name__ == "__main__":
    main()
