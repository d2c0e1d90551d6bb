#!/usr/bin/env bash
# Makes questions.md and answers/*.svg anew: made-up data, the jobs, the queries.
# Usage: docs/questions.sh [the cinemill program] [the folder for the document]
set -euo pipefail
cinemill=$(realpath "${1:-target/release/cinemill}")
docs=$(realpath "${2:-$(dirname "$0")}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

run() { "$cinemill" run "$@" >/dev/null 2>&1 || "$cinemill" run "$@"; }

"$cinemill" sample --titles 10000 --output imdb >/dev/null
"$cinemill" sample --shape films --titles 4000 --output films >/dev/null

# The titles that two questions ask for, made up as all others are.
printf 'tt9990001\tmovie\tMission Impossible: The Lantern\tMission Impossible: The Lantern\t0\t2004\t\\N\t101\tAction,Thriller\n' >>imdb/title.basics.tsv
printf 'tt9990002\tvideo\tMission Impossible: Behind the Door\tMission Impossible: Behind the Door\t0\t2007\t\\N\t24\tDocumentary\n' >>imdb/title.basics.tsv
printf 'tt9990003\ttvSeries\tOzark\tOzark\t0\t2017\t2022\t60\tCrime,Drama,Thriller\n' >>imdb/title.basics.tsv
for place in 4 5 6; do
  printf 'tt999001%s\tmovie\tThe Answer (Part %s)\tThe Answer (Part %s)\t0\t2019\t\\N\t9%s\tDrama\n' $place $place $place $place >>imdb/title.basics.tsv
  printf 'tt999001%s\t\\N\t\\N\n' $place >>imdb/title.crew.tsv
  printf 'tt999001%s\t7.%s\t%s000\n' $place $place $place >>imdb/title.ratings.tsv
done
writers=$(sed -n '2,4p' imdb/name.basics.tsv | cut -f1 | paste -sd,)
printf 'tt9990001\t\\N\t\\N\ntt9990002\t\\N\t\\N\ntt9990003\t%s\t%s\n' "${writers%%,*}" "$writers" >>imdb/title.crew.tsv
printf 'tt9990001\t8.4\t51234\ntt9990003\t8.1\t90210\n' >>imdb/title.ratings.tsv

run imdb_titles --input imdb --output imdb_titles
run movies_model --input films --output movies_model
run movie_insights --input movies_model --output movie_insights
# Two captures a week apart; some votes and ratings changed in between.
run imdb_top50 --input imdb --output imdb_top50 --param min_votes=100 --param run_date=2026-01-05
awk -F'\t' -v OFS='\t' 'NR > 1 && NR % 5 == 0 { $3 = $3 * 3; $2 = $2 < 9.5 ? $2 + 0.4 : $2 } 1' \
  imdb/title.ratings.tsv >ratings && mv ratings imdb/title.ratings.tsv
awk -F'\t' -v OFS='\t' 'NR > 1 && NR % 15 == 0 { $3 = $3 " (Director'"'"'s Cut)" } 1' \
  imdb/title.basics.tsv >basics && mv basics imdb/title.basics.tsv
run imdb_top50 --input imdb --output imdb_top50 --param min_votes=100 --param run_date=2026-01-12

rm -rf "$docs/answers"
"$cinemill" docs questions imdb_titles movies_model movie_insights imdb_top50 --output "$docs"
