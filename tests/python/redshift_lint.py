#!/usr/bin/env python3
"""Looks for what sqlfluff takes and Redshift does not, in the SQL that cinemill sends to it.

Reads the golden files of `cinemill load`, whose statements end with `;` at the end of a line.
Prints every finding and exits 1 if there is one.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "jobs/src/warehouse/tests/golden/redshift"

NAME = r'(?:"[^"]+"|\w+)'
QUALIFIED = rf"{NAME}(?:\.{NAME})?"

# What a statement must not match, and why. Texts in quotes are blanked before.
FORBIDDEN = [
    (r"^(BEGIN|START|COMMIT|END|ROLLBACK|ABORT)\b", "a batch is a transaction already"),
    (r"^(TRUNCATE|VACUUM)\b", "it commits at once"),
    (r"^ALTER TABLE .* APPEND\b", "it cannot run in a transaction"),
    (r"\bON CONFLICT\b", "Redshift does not know it"),
    (r"\bRETURNING\b", "Redshift does not know it"),
    (r"\bCREATE( UNIQUE)? INDEX\b", "Redshift has no indexes"),
    (rf"^MERGE INTO {QUALIFIED}\s+(?!USING\b)\S+", "MERGE takes no alias for its target"),
    (r"^MERGE .*\bUSING\s*\(", "the source of a MERGE is a table"),
    (r"^MERGE (?!.*WHEN MATCHED)", "MERGE needs both branches"),
    (r"^MERGE (?!.*WHEN NOT MATCHED)", "MERGE needs both branches"),
    (r"^COPY .*\b(REGION|MAXERROR|DELIMITER|GZIP)\b", "no option of a COPY of Parquet"),
    (r"^COPY (?!.*\bMANIFEST$)", "a COPY goes by a manifest"),
    (r"^COPY (?!.*\bFORMAT AS PARQUET\b)", "a COPY names its format"),
    (r"^COPY (?!.*\bIAM_ROLE\b)", "a COPY reads files with a role"),
    (r"\b(CREDENTIALS|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)\b", "no secret in SQL"),
    (r"\bPASSWORD\b", "no secret in SQL"),
    (r"\b(pg_advisory\w*|hashtext\w*|now|clock_timestamp)\s*\(", "PostgreSQL's own"),
]

# Keys of AWS, wherever they are; texts are not blanked for these.
SECRETS = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|aws_secret_access_key", re.IGNORECASE)

BAD = [
    "BEGIN",
    'MERGE INTO "a"."b" t USING c ON t.x = c.x WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN X',
    "MERGE INTO a USING (SELECT 1) ON x WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN X",
    "MERGE INTO a USING c ON x WHEN MATCHED THEN DELETE",
    "COPY a FROM 's3://b/c' IAM_ROLE default FORMAT AS PARQUET",
    "COPY a FROM 's3://b/c' IAM_ROLE default FORMAT AS PARQUET MANIFEST REGION 'x'",
    "COPY a FROM 's3://b/c' CREDENTIALS 'x' FORMAT AS PARQUET MANIFEST",
    "INSERT INTO a VALUES ('AKIAIOSFODNN7EXAMPLE')",
    "TRUNCATE a",
]
GOOD = [
    'MERGE INTO "a"."b" USING c ON b.x = c.x WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN X',
    "COPY a FROM 's3://b/region/c' IAM_ROLE default FORMAT AS PARQUET MANIFEST",
    "INSERT INTO a VALUES ('BEGIN')",
]


def findings(statement: str) -> list[str]:
    """What is wrong with one statement."""
    plain = " ".join(re.sub(r"'(?:[^']|'')*'", "''", statement).split())
    found = [why for pattern, why in FORBIDDEN if re.search(pattern, plain, re.IGNORECASE)]
    if SECRETS.search(statement):
        found.append("a key of AWS")
    return found


def statements(text: str) -> list[str]:
    return [part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip()]


def self_test() -> list[str]:
    missed = [f"not found: {sql}" for sql in BAD if not findings(sql)]
    return missed + [f"{findings(sql)}: {sql}" for sql in GOOD if findings(sql)]


def main() -> int:
    # Rules that find nothing would be no rules.
    problems = self_test()
    files = sorted(GOLDEN.glob("*.sql"))
    if not files:
        problems.append(f"no golden files in {GOLDEN}")
    for file in files:
        for statement in statements(file.read_text(encoding="utf-8")):
            first = statement.splitlines()[0]
            problems += [f"{file.name}: {first}: {why}" for why in findings(statement)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
