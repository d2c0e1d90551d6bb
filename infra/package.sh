#!/usr/bin/env bash
# Packs built binaries into cinemill-<version>-<arch>.tar.gz and a .sha256 beside it. The same
# binaries and the same commit give the same bytes.
#
#   infra/package.sh [--binaries DIR] [--output DIR] [--allow-newer-glibc]
#
# EMR 7 is Amazon Linux 2023 with glibc 2.34; a binary that was linked against a newer one does not
# start there. On a newer system, link against an old glibc with zig, for either architecture:
#
#   python3 -m venv target/zig && . target/zig/bin/activate && pip install ziglang cargo-zigbuild
#   rustup target add aarch64-unknown-linux-gnu        # only for the other architecture
#   cargo zigbuild --release --workspace --bins --locked --target x86_64-unknown-linux-gnu.2.34
#   infra/package.sh --binaries target/x86_64-unknown-linux-gnu/release
#
# or build on Amazon Linux 2023 itself, or statically, with the target x86_64-unknown-linux-musl.
set -euo pipefail
repository="$(cd "$(dirname "$0")/.." && pwd)"

GLIBC_MAX=2.34
PROGRAMS=(cinemill cinemill-scheduler cinemill-executor)

fail() {
    printf 'package.sh: %s\n' "$*" >&2
    exit 1
}

binaries="$repository/target/release"
output=.
allow_newer_glibc=
while [ $# -gt 0 ]; do
    case "$1" in
    --binaries) binaries="${2:?}" && shift 2 ;;
    --output) output="${2:?}" && shift 2 ;;
    --allow-newer-glibc) allow_newer_glibc=1 && shift ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit ;;
    *) fail "unknown argument: $1" ;;
    esac
done

# The newest glibc that a binary asks for; nothing where it is static. Packed relocations, which
# have a name instead of a number, came with 2.36.
glibc_of() {
    readelf --version-info --wide "$1" | sed 's/GLIBC_ABI_DT_RELR/GLIBC_2.36/g' |
        grep -o 'GLIBC_[0-9][0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -n 1 || true
}

machine_of() {
    case "$(readelf --file-header --wide "$1" | sed -n 's/^ *Machine: *//p')" in
    *X86-64*) echo x86_64 ;;
    *AArch64*) echo aarch64 ;;
    *) fail "$1: neither x86-64 nor arm64" ;;
    esac
}

arch=
for program in "${PROGRAMS[@]}"; do
    file="$binaries/$program"
    [ -x "$file" ] || fail "$file: no such program; build with cargo build --release --bins"
    machine="$(machine_of "$file")"
    [ "${arch:=$machine}" = "$machine" ] || fail "$file is for $machine, others are for $arch"
    glibc="$(glibc_of "$file")"
    newest="$(printf '%s\n' "$GLIBC_MAX" "${glibc:-0}" | sort -V | tail -n 1)"
    if [ "$newest" != "$GLIBC_MAX" ] && [ -z "$allow_newer_glibc" ]; then
        fail "$file needs glibc $glibc, EMR 7 has $GLIBC_MAX; see --help, or --allow-newer-glibc"
    fi
done

version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml")"
[ -n "$version" ] || fail "no version in Cargo.toml"
# The time of the commit, so that packing again gives the same bytes.
time="${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct)}"

name="cinemill-$version-$arch"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/$name"
for program in "${PROGRAMS[@]}"; do
    install -m 755 "$binaries/$program" "$folder/$name/"
done
install -m 644 "$repository/LICENSE" "$repository/README.md" "$folder/$name/"
chmod 755 "$folder/$name"

mkdir -p "$output"
tar --create --directory "$folder" --sort=name --format=gnu --mtime="@$time" \
    --owner=0 --group=0 --numeric-owner "$name" | gzip --no-name --best >"$output/$name.tar.gz"
(cd "$output" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
printf '%s\n' "$output/$name.tar.gz"
