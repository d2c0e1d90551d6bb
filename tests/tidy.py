#!/usr/bin/env python3
"""Checks that no compiler makes: sizes, leftovers, what documents promise, licences.

Plain Python 3, no packages. Prints every finding and exits 1 if there is one.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

RUST_LINES_MAX = 600

LEFTOVERS = re.compile(r"\btodo!|\bunimplemented!|\bFIXME\b")

# Folders of somebody's machine; examples in documents use relative paths or `s3://`.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|home|work)/")

TEXT_ENDINGS = {".rs", ".toml", ".md", ".sql", ".sh", ".py", ".json", ".yml", ".yaml"}

# A package is fine if one branch of its licence expression holds nothing but these.
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
}


def tracked() -> list[str]:
    """The repository's files: those that git tracks, and new ones that it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def is_test(name: str) -> bool:
    return "/tests/" in f"/{name}" or name.endswith("tests.rs")


def sizes_and_leftovers(files: list[str]) -> list[str]:
    found = []
    for name in files:
        if Path(name).suffix not in TEXT_ENDINGS or name == "tests/tidy.py":
            continue
        lines = (ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines()
        if name.endswith(".rs") and len(lines) > RUST_LINES_MAX:
            found.append(f"{name}: {len(lines)} lines, at most {RUST_LINES_MAX}")
        for number, line in enumerate(lines, 1):
            if name.endswith(".rs") and not is_test(name) and LEFTOVERS.search(line):
                found.append(f"{name}:{number}: leftover: {line.strip()}")
            if MACHINE_PATHS.search(line):
                found.append(f"{name}:{number}: path of a machine: {line.strip()}")
    return found


def job_folders() -> list[str]:
    found = []
    for toml in sorted((ROOT / "jobs/catalog").glob("*/job.toml")):
        job = toml.parent
        name = job.relative_to(ROOT)
        if not (job / "README.md").is_file():
            found.append(f"{name}: no README.md")
        if not any(case.is_dir() for case in (job / "tests").glob("*")):
            found.append(f"{name}: no test case (tests/<case>/)")
    return found


def exit_codes() -> list[str]:
    """`--help`, the code and the document name the same exit codes."""
    source = (ROOT / "jobs/src/exit.rs").read_text()
    document = (ROOT / "docs/exit-codes.md").read_text()
    told = re.search(r'HELP: &str = "(.*?)";', source, re.DOTALL)
    if not told:
        return ["jobs/src/exit.rs: no HELP"]
    in_help = set(re.findall(r"^\s+(\d+)  ", told.group(1), re.MULTILINE))
    in_code = set(re.findall(r"Kind::\w+ => (\d+)", source))
    in_document = set(re.findall(r"^\| (\d+) \|", document, re.MULTILINE))
    found = []
    if in_help != in_document:
        different = ", ".join(sorted(in_help ^ in_document))
        found.append(f"docs/exit-codes.md and `--help` differ: {different}")
    if not in_code <= in_help:
        missing = ", ".join(sorted(in_code - in_help))
        found.append(f"jobs/src/exit.rs: codes that HELP does not name: {missing}")
    return found


def changelog() -> list[str]:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    version = manifest["workspace"]["package"]["version"]
    headings = re.findall(r"^## \[?([\w.-]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    return [] if version in headings else [f"CHANGELOG.md: no entry for {version}"]


def licences() -> list[str]:
    host = re.search(r"^host: (.*)$", output(["rustc", "-vV"]), re.MULTILINE)
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    if host:
        # What is built here; packages for other platforms are not even downloaded.
        command += ["--filter-platform", host.group(1)]
    found = []
    for package in json.loads(output(command))["packages"]:
        expression = package["license"]
        if not (expression and is_allowed(expression)):
            found.append(f"{package['name']} {package['version']}: licence {expression}")
    return found


def output(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def is_allowed(expression: str) -> bool:
    """Reads an SPDX expression; older packages write `MIT/Apache-2.0` for `OR`."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        allowed = every()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            # Both sides are read, whatever the first one says.
            allowed = every() or allowed
        return allowed

    def every() -> bool:
        allowed = single()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            allowed = single() and allowed
        return allowed

    def single() -> bool:
        word = tokens.pop(0) if tokens else ""
        if word == "(":
            allowed = either()
            if tokens:
                tokens.pop(0)
            return allowed
        if tokens and tokens[0] == "WITH":
            word = f"{word} WITH {tokens[1]}"
            del tokens[:2]
        return word in LICENCES

    return either() and not tokens


def main() -> int:
    files = tracked()
    found = sizes_and_leftovers(files) + job_folders() + exit_codes() + changelog() + licences()
    for finding in found:
        print(f"tidy: {finding}", file=sys.stderr)
    print(f"tidy: {len(files)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
