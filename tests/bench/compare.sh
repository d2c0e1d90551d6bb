#!/usr/bin/env bash
# Times imdb_titles embedded against a local cluster, alternating, and prints the ratio.
#
#   tests/bench/compare.sh [titles] [rounds]      default: 1000000 titles, 3 rounds
#
# EXECUTORS (2), VCORES (1) and PORT (50350) may be set. Needs a release build.
set -euo pipefail
cd "$(dirname "$0")/../.."

titles="${1:-1000000}"
rounds="${2:-3}"
executors="${EXECUTORS:-2}"
vcores="${VCORES:-1}"
port="${PORT:-50350}"
target="${CARGO_TARGET_DIR:-target}"
PATH="$(cd "$target/release" && pwd):$PATH"
export CINEMILL_SCHEDULER="127.0.0.1:$port"

scratch="$(mktemp -d)"
cleanup() {
    cinemill cluster stop --state-dir "$scratch/cluster" >/dev/null || true
    rm -rf "$scratch"
}
trap cleanup EXIT

# Add a peer: a function that reads $scratch/imdb and writes $scratch/<peer>, and its name here.
peers=(embedded cluster)

embedded() {
    cinemill run imdb_titles --input "$scratch/imdb" --output "$scratch/embedded"
}

cluster() {
    cinemill submit imdb_titles --input "$scratch/imdb" --output "$scratch/cluster-table"
}

cinemill sample --titles "$titles" --output "$scratch/imdb" >/dev/null
cinemill cluster local --executors "$executors" --vcores "$vcores" \
    --port "$port" --state-dir "$scratch/cluster"

TIMEFORMAT=%R
declare -A seconds
for round in $(seq "$rounds"); do
    for peer in "${peers[@]}"; do
        # The time goes to the outer standard error; the peer's own words go to its log.
        took="$( { time "$peer" >"$scratch/$peer.log" 2>&1; } 2>&1 )" || {
            cat "$scratch/$peer.log" >&2
            exit 1
        }
        seconds[$peer]+="$took "
        echo "round $round: $peer $took s"
    done
done

echo
for peer in "${peers[@]}"; do
    # shellcheck disable=SC2086 # A list of numbers.
    printf '%s\n' ${seconds[$peer]} | sort -n | awk -v peer="$peer" '
        { all[NR] = $1 }
        END {
            median = NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2
            printf "%s %.2f %.2f\n", peer, median, all[1]
        }'
done | awk -v titles="$titles" '
    NR == 1 { base = $2 }
    { printf "%-10s median %7.2f s, best %7.2f s, %9.0f titles/s, %.2f x\n",
             $1, $2, $3, titles / $2, $2 / base }'
