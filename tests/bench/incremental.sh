#!/usr/bin/env bash
# Times runs that add to a table against a full rebuild, in turn, and prints the ratios.
#
#   tests/bench/incremental.sh [titles] [rounds]      default: 1000000 titles, 3 rounds
#
# Two snapshots of one data set: in the second, one title in 1,000 is new, and, for merge, one rating
# in 100 and one name in 10,000 were others in the first. Needs a release build.
set -euo pipefail
cd "$(dirname "$0")/../.."

titles="${1:-1000000}"
rounds="${2:-3}"
target="${CARGO_TARGET_DIR:-target}"
PATH="$(cd "$target/release" && pwd):$PATH"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

job() {
    cinemill run imdb_titles --input "$scratch/$1" --output "$scratch/$2" --mode "$3" 2>/dev/null
}

# Lines of new titles go; every $3th of the others gets another value in column $2.
earlier() {
    awk -F'\t' -v OFS='\t' -v column="$2" -v every="$3" \
        'NR > 1 && $1 ~ /^tt.*000$/ { next }
         NR > 1 && column && NR % every == 0 { $column = $column "7" }
         { print }' "$scratch/now/$1" >"$scratch/$4/$1"
}

cinemill sample --titles "$titles" --output "$scratch/now" >/dev/null
mkdir "$scratch/fewer" "$scratch/older"
for snapshot in fewer older; do
    earlier title.basics.tsv 0 1 "$snapshot"
    earlier title.crew.tsv 0 1 "$snapshot"
done
cp "$scratch/now/name.basics.tsv" "$scratch/fewer/"
earlier title.ratings.tsv 0 1 fewer
earlier title.ratings.tsv 3 100 older
earlier name.basics.tsv 2 10000 older
job fewer append_new.first append_new >/dev/null
job older merge.first merge >/dev/null

now_ms() { date +%s%3N; }

for round in $(seq "$rounds"); do
    for mode in overwrite append_new merge; do
        rm -rf "${scratch:?}/$mode"
        if [ -d "$scratch/$mode.first" ]; then
            cp -a "$scratch/$mode.first" "$scratch/$mode"
        fi
        began=$(now_ms)
        job now "$mode" "$mode" >"$scratch/said"
        ms=$(($(now_ms) - began))
        echo "$ms" >>"$scratch/$mode.ms"
        echo "round $round: $mode $ms ms"
    done
done

count() {
    cinemill show "$scratch/$1" --query "SELECT count(*) AS n, sum(num_votes) AS votes,
        sum(length(directors)) AS names FROM imdb_titles" 2>/dev/null
}
[ "$(count overwrite)" = "$(count append_new)" ] || { echo "append_new has other rows"; exit 1; }
[ "$(count overwrite)" = "$(count merge)" ] || { echo "merge has other rows"; exit 1; }

median() { sort -n "$scratch/$1.ms" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
full=$(median overwrite)
for mode in overwrite append_new merge; do
    awk -v mode="$mode" -v ms="$(median "$mode")" -v full="$full" \
        'BEGIN { printf "%-11s median %7d ms, %.2f x\n", mode, ms, ms / full }'
done
