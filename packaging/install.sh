#!/bin/sh
# Installs the command `mcpo`; `--help` describes the arguments. Downloads the archive for this
# machine, verifies its checksum, and copies the executable to ~/.local/bin.
set -eu

# scripts/package fills in the location of the releases; in a checkout, --from is required.
releases=
version=
from=
to=

fail() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'help: %s\n' "$2" >&2
  exit 2
}

# Not read from this file, which has no name under `curl … | sh`.
usage() {
  cat <<'USAGE'
Installs the command mcpo: downloads the archive for this machine, verifies its checksum, and
copies the executable to ~/.local/bin.

  sh install.sh [--version VERSION] [--to FOLDER] [--from URL_OR_FOLDER]

--from names the place of the archives and of SHA256SUMS: a URL, or a folder on this machine.
USAGE
}

# Downloads or copies $1 of the release to the file $2.
get() {
  case $from in
    https://*)
      # Not wget: it has no option that refuses a redirect to http.
      command -v curl >/dev/null ||
        fail 'curl is not installed' 'install curl, or download the files and name their folder with --from'
      curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 \
        --output "$2" "$from/$1" ;;
    *://*) fail "$from does not begin with https://" ;;
    *) cp "$from/$1" "$2" ;;
  esac || fail "failed to get $from/$1"
}

sha256_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail 'neither sha256sum nor shasum is installed'
  fi
}

no_archive() {
  if [ -n "$releases" ]; then
    fail "there is no archive for $1" "cargo install --locked --git ${releases%/releases} mcpo"
  fi
  fail "there is no archive for $1" 'cargo install --locked --path crates/mcpo'
}

target() {
  case $(uname -s) in
    Linux) system=unknown-linux-musl ;;
    Darwin) system=apple-darwin ;;
    *) no_archive "$(uname -s)" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) no_archive "$(uname -m)" ;;
  esac
  # A translated shell on an Apple processor reports x86_64.
  if [ "$system$machine" = apple-darwinx86_64 ] &&
    [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    machine=aarch64
  fi
  printf '%s-%s\n' "$machine" "$system"
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --version | --to | --from) [ -n "${2:-}" ] || fail "$1 needs a value" ;;
      *) fail "unknown argument $1" 'use --version, --to or --from' ;;
    esac
    case $1 in
      --version) version=${2#v} ;;
      --to) to=$2 ;;
      --from) from=$2 ;;
    esac
    shift 2
  done
  [ -z "$from" ] || [ -z "$version" ] ||
    fail '--from cannot be used with --version' 'name the URL or the folder of that version with --from'
  if [ -z "$from" ]; then
    [ -n "$releases" ] || fail 'this script does not know where the releases are' \
      'name the URL or the folder with --from'
    if [ "${version:-latest}" = latest ]; then
      from=$releases/latest/download
    else
      from=$releases/download/v$version
    fi
  fi
  if [ -z "$to" ]; then
    [ -n "${HOME:-}" ] || fail 'HOME is not set' 'name the folder to install to with --to'
    to=$HOME/.local/bin
  fi
  target=$(target)
  archive=mcpo-$target.tar.gz

  folder=$(mktemp -d)
  new=$to/.mcpo.$$
  trap 'rm -rf "$folder" "$new"' EXIT
  trap 'exit 130' HUP INT TERM
  get SHA256SUMS "$folder/SHA256SUMS"
  # "HASH  NAME", with a * before the name if it was read as binary.
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$folder/SHA256SUMS")
  [ "${#wanted}" = 64 ] || fail "SHA256SUMS has no checksum of $archive"
  get "$archive" "$folder/$archive"
  found=$(sha256_of "$folder/$archive")
  [ "$found" = "$wanted" ] ||
    fail "the checksum of $archive is $found, but SHA256SUMS says $wanted" 'nothing was installed'

  tar -xzf "$folder/$archive" -C "$folder"
  mkdir -p "$to"
  cp "$folder/mcpo-$target/mcpo" "$new"
  chmod 755 "$new"
  # Run in its folder, because the folder for temporary files may not allow that.
  installed=$("$new" --version) ||
    fail "the executable of $archive does not run on this machine" 'nothing was installed'
  # A rename replaces a running mcpo in one step.
  mv -f "$new" "$to/mcpo"
  printf 'installed %s in %s\n' "$installed" "$to"
  case :$PATH: in
    *:"$to":*) ;;
    *) printf 'add the folder to your PATH: export PATH="%s:%s"\n' "$to" "\$PATH" ;;
  esac
}

# The whole script is read before anything runs, even if a download is cut off.
main "$@"
