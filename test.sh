#!/usr/bin/env bash
# All checks and all tests; continuous integration calls this and nothing else.
#
# Needs Rust (rustup's, or any with cargo, rustfmt and clippy), git, Python 3 and the programs of
# PostgreSQL 15 or newer. The tests start the servers that they need themselves. Tests of several
# hosts need root and iproute2 too, those of SFTP OpenSSH; without them they are skipped and say so.
set -euo pipefail
cd "$(dirname "$0")"
exec </dev/null

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

for component in rustfmt clippy; do
    subcommand="${component/rustfmt/fmt}"
    if ! cargo "$subcommand" --version >/dev/null 2>&1; then
        step rustup component add "$component"
    fi
done

missing=()
command -v strip >/dev/null || missing+=(binutils)
command -v ip >/dev/null || missing+=(iproute2)
command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ||
    missing+=(postgresql)
if ! command -v sftp >/dev/null || [ ! -x /usr/sbin/sshd ]; then
    # Where systemd runs, the package would start a server for all the world.
    [ -d /run/systemd/system ] || missing+=(openssh-client openssh-server)
fi
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # Otherwise Debian's package starts a server of its own.
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1
    step apt-get update --quiet
    step apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
fi

target="${CARGO_TARGET_DIR:-target}"
python_with() {
    step python3 -m venv "$1"
    step "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}
tools="$target/python"
python_with "$tools" tests/python/requirements.txt
# Airflow with its providers, and what the local AWS is made of.
airflow="$target/airflow"
python_with "$airflow" tests/python/airflow.txt

step cargo fmt --all --check
step "$tools/bin/ruff" format --check .
step "$tools/bin/ruff" check .
step python3 tests/tidy.py
# All SQL that is sent to Redshift.
step "$tools/bin/sqlfluff" lint --config tests/python/sqlfluff.cfg \
    jobs/src/warehouse/tests/golden/redshift jobs/catalog/*/queries
step python3 tests/python/redshift_lint.py
# The tests start these binaries. The same packages and features as in the test build, so that
# nothing is compiled twice.
step cargo build --release --workspace --bins --locked
step cargo test --release --workspace --lib --bins --tests --locked --no-fail-fast
# Clusters on an emulated AWS whose nodes are these binaries, and DAGs in a real Airflow. Terraform's
# part is skipped where there is no Terraform with its provider.
PATH="$(realpath "$tools/bin"):$PATH"
for folder in aws airflow infra; do
    step "$airflow/bin/python" -m unittest discover --start-directory "tests/$folder"
done
# Last, because it looks at every dependency once more.
step cargo clippy --release --workspace --all-targets --locked -- -D warnings

printf '\nall checks passed\n'
