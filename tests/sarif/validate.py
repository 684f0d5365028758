#!/usr/bin/env python3
"""Check SARIF files as GitHub would: schema, sarif-multitool's rules, GitHub's limits, links, fingerprints.

    validate.py [--local] [--root DIR] FILE.sarif...

Needs two tools, found in PATH or named by environment variables:
    CHECK_JSONSCHEMA  check-jsonschema            (pip install check-jsonschema)
    SARIF_MULTITOOL   folder of the npm package   (npm install @microsoft/sarif-multitool-linux)

--local allows suppressed results and up to 25,000 of them. --root recomputes each
fingerprint from the files below DIR. Exit status: 0 when there is no error, 1 when there is one, 2 when a
tool is missing.
"""

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent
LINK = re.compile(r"(?<!\\)(?:\\\\)*\[(?:[^\[\]\\]|\\.)*\]\((\d+)\)")
LEVELS = {"note": (0.1, 3.9), "warning": (4.0, 6.9), "error": (7.0, 10.0)}


def tools():
    """The paths of check-jsonschema and of the multitool's folder."""
    schema = os.environ.get("CHECK_JSONSCHEMA") or shutil.which("check-jsonschema")
    folder = os.environ.get("SARIF_MULTITOOL")
    if not folder:
        local = Path("node_modules/@microsoft/sarif-multitool-linux")
        folder = str(local) if local.is_dir() else None
    if not schema or not folder:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    return schema, Path(folder)


def check_schema(schema, folder, path):
    """Errors by the SARIF 2.1.0 schema. First of all: a wrong enum value makes the multitool report nothing."""
    command = [schema, "--schemafile", str(folder / "sarif-2.1.0.json"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [f"schema: {line}" for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def check_multitool(folder, path):
    """Errors and warnings of the multitool. Its exit status says nothing, so its own SARIF output is read."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out.sarif"
        command = [str(folder / "Sarif.Multitool"), "validate", str(path), "--rule-kind", "Sarif;Ghas",
                   "--config", str(HERE / "github.config.xml"), "--level", "Error;Warning;Note",
                   "--max-file-size-in-kb", "2000000", "--output", str(out)]
        env = dict(os.environ, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1")
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if not out.is_file():
            return [f"multitool: wrote no output: {done.stdout[-500:]}{done.stderr[-500:]}"], {}
        log = json.loads(out.read_text(encoding="utf-8-sig"))
    errors, other = [], {}
    for run in log["runs"]:
        seen = [uri for artifact in run.get("artifacts") or [] if (uri := artifact.get("location", {}).get("uri"))]
        if not any(uri.endswith(path.name) for uri in seen) and not run.get("results"):
            invocation = (run.get("invocations") or [{}])[0]
            if not invocation.get("executionSuccessful", True):
                errors.append(f"multitool: did not analyze the file: {done.stdout[-500:]}")
        for result in run.get("results") or []:
            level = result.get("level", "warning")
            if level == "error":
                where = json.dumps((result.get("locations") or [{}])[0].get("physicalLocation", {}).get("region", {}))
                errors.append(f"multitool: {result['ruleId']} at {where}: {result['message']}")
            else:
                other[(result["ruleId"], level)] = other.get((result["ruleId"], level), 0) + 1
        for invocation in run.get("invocations") or []:
            for kind in ("toolConfigurationNotifications", "toolExecutionNotifications"):
                errors += [f"multitool: {note['message'].get('text')}" for note in invocation.get(kind) or []
                           if note.get("level") == "error"]
    return errors, other


def line_hashes(data):
    """GitHub's `primaryLocationLineHash` of each line, written apart from the scanner's own."""
    mask, lf, cr = (1 << 64) - 1, 10, 13
    text = data.decode("utf-8", errors="replace").encode("utf-16-le", errors="surrogatepass")
    units, starts, after_cr, at_start = [], [], False, True
    for i in range(0, len(text), 2):
        unit = text[i] | text[i + 1] << 8
        if unit in (9, 32) or (after_cr and unit == lf):
            after_cr = False
            continue
        after_cr = unit == cr
        unit = lf if unit == cr else unit
        if at_start:
            starts.append(len(units))
        at_start = unit == lf
        units.append(unit)
    if at_start:
        starts.append(len(units))
    units += [65535] + [0] * 100
    counts, out = {}, []
    for start in starts:
        value = 0
        for unit in units[start:start + 100]:
            value = (value * 37 + unit) & mask
        counts[value] = counts.get(value, 0) + 1
        out.append(f"{value:x}:{counts[value]}")
    return out


def check_rules(rules):
    """What GitHub needs of each rule."""
    errors = []
    if len({rule["id"] for rule in rules}) != len(rules):
        errors.append("two rules have one id")
    for rule in rules:
        name, properties = rule["id"], rule.get("properties", {})
        for key, most in (("shortDescription", 1024), ("fullDescription", 1024), ("help", 1 << 20)):
            if not 0 < len(rule.get(key, {}).get("text", "")) <= most:
                errors.append(f"{name}: {key}.text is empty or too long")
        if not rule.get("help", {}).get("markdown"):
            errors.append(f"{name}: no help.markdown")
        tags = properties.get("tags", [])
        if len(tags) > 10 or "security" not in tags or not any(t.startswith("external/cwe/cwe-") for t in tags):
            errors.append(f"{name}: tags {tags}")
        if properties.get("precision") not in ("very-high", "high", "medium", "low"):
            errors.append(f"{name}: precision {properties.get('precision')!r}")
        severity = properties.get("security-severity")
        low, high = LEVELS[rule["defaultConfiguration"]["level"]]
        if not isinstance(severity, str) or not low <= float(severity) <= high or severity == "9.0":
            errors.append(f"{name}: security-severity {severity!r} does not fit its level")
    return errors


def check_result(result, rules, allow_suppressed):
    """What GitHub needs of one result."""
    errors = []
    rule = rules[result["ruleIndex"]]
    if rule["id"] != result["ruleId"] or rule["defaultConfiguration"]["level"] != result["level"]:
        errors.append("ruleIndex, ruleId and level disagree")
    if len(result["locations"]) != 1:
        errors.append("not exactly one location")
    if result.get("suppressions") and not allow_suppressed:
        errors.append("a suppressed result would become an open alert")
    text, ids = result["message"]["text"], {loc["id"] for loc in result.get("relatedLocations") or []}
    linked = {int(number) for number in LINK.findall(text)}
    if linked != ids:
        errors.append(f"links {sorted(linked)} but related locations {sorted(ids)}")
    steps = sum(len(t["locations"]) for c in result.get("codeFlows") or [] for t in c["threadFlows"])
    if steps > 1000 or len(result.get("relatedLocations") or []) > 100:
        errors.append("too many locations")
    for fix in result.get("fixes") or []:
        if not fix["artifactChanges"] or not all(change["replacements"] for change in fix["artifactChanges"]):
            errors.append("a fix changes nothing")
    locations = result["locations"] + (result.get("relatedLocations") or [])
    for location in locations:
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        if not uri or uri.startswith("/") or ":" in uri or ".." in uri.split("/") or re.search(r"[^\w.~%/-]", uri, re.A):
            errors.append(f"uri {uri!r} is not a relative, percent-encoded path")
    return errors


def check_github(log, path, options):
    """Limits, links, levels, paths and fingerprints, which neither tool looks at."""
    errors = []
    size = len(gzip.compress(path.read_bytes()))
    if size > 10_000_000 and not options.local:
        errors.append(f"{size} bytes compressed; GitHub takes 10 MB")
    for run in log["runs"]:
        results, rules = run["results"], run["tool"]["driver"]["rules"]
        if len(results) > (25_000 if options.local else 5_000):
            errors.append(f"{len(results)} results")
        if not run["automationDetails"]["id"].endswith("/"):
            errors.append("automationDetails.id does not end in `/`")
        errors += check_rules(rules)
        hashes, seen = {}, set()
        for number, result in enumerate(results):
            errors += [f"result {number} ({result['ruleId']}): {e}" for e in check_result(result, rules, options.local)]
            place = result["locations"][0]["physicalLocation"]
            uri, line = place["artifactLocation"]["uri"], place["region"]["startLine"]
            print_ = (result.get("partialFingerprints") or {}).get("primaryLocationLineHash")
            if not print_:
                errors.append(f"result {number} has no fingerprint")
            key = (result["ruleId"], uri, line, bool(result.get("suppressions")))
            if key in seen:
                errors.append(f"result {number}: a second one of {key}")
            seen.add(key)
            if options.root:
                file = Path(options.root) / unquote(uri)
                if uri not in hashes:
                    hashes[uri] = line_hashes(file.read_bytes()) if file.is_file() else []
                if line > len(hashes[uri]) or hashes[uri][line - 1] != print_:
                    errors.append(f"result {number}: {uri}:{line} has fingerprint {print_}")
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--root")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    schema, folder = tools()
    failed = False
    for path in options.files:
        errors = check_schema(schema, folder, path) if path.is_file() else ["no such file"]
        other = {}
        if not errors:
            log = json.loads(path.read_text(encoding="utf-8"))
            errors, other = check_multitool(folder, path)
            errors = errors or check_github(log, path, options)
            n_results = sum(len(run["results"]) for run in log["runs"])
            print(f"{path}: {n_results} results, {len(errors)} errors"
                  + "".join(f"; {n} x {rule} ({level})" for (rule, level), n in sorted(other.items())))
        for error in errors[:50]:
            print(f"{path}: {error}")
        failed |= bool(errors)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
