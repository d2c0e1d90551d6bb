#!/usr/bin/env bash
# Runs the main job on generated data, in one process, and shows the table.
#
#   ./demo.sh [titles]        default: 200000
#
# Everything that it makes lies in target/demo.
set -euo pipefail
cd "$(dirname "$0")"

titles="${1:-200000}"
target="${CARGO_TARGET_DIR:-target}"
data="$target/demo"

show_and_run() {
    printf '\n$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

show_and_run cargo build --release --workspace --bins --locked
PATH="$(cd "$target/release" && pwd):$PATH"

show_and_run cinemill sample --titles "$titles" --output "$data/imdb"
show_and_run cinemill run imdb_titles --input "$data/imdb" --output "$data/titles"
show_and_run cinemill show "$data/titles" --rows 3

query='
SELECT title_type, count(*) AS titles, round(avg(average_rating), 2) AS mean_rating
FROM imdb_titles
GROUP BY title_type
ORDER BY titles DESC'
printf '\n$ cinemill show %s --query "%s"\n' "$data/titles" "$query"
cinemill show "$data/titles" --query "$query"
