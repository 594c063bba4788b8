# SPDX-License-Identifier: Apache-2.0
# What scripts/demo and scripts/test share: install missing packages, configure, build, show progress.
# Sourced by them, after `set -eu -o pipefail`. Everything lengthy goes to one log file, shown when a step fails.

source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_directory=$source_root/build-release   # a script that builds elsewhere sets its own
log_file=                                     # set by start_log

# What every build needs; each script adds its own.
build_packages=(g++ meson ninja-build pkg-config libxsimd-dev libtbb-dev libhdf5-dev zlib1g-dev)

say() { printf '%s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Ends the script after a failed step: what failed, the end of the log, and where the rest is.
fail_with_log() {
  printf 'error: %s. The last lines of %s:\n\n' "$1" "$log_file" >&2
  tail -n 40 "$log_file" | sed 's/^/    /' >&2
  exit 1
}

start_log() {
  mkdir -p "$build_directory"
  log_file=$build_directory/$(basename "$0").log
  printf '# %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" > "$log_file"
}

# run_logged WHAT COMMAND...: runs the command into the log; ends the script, naming WHAT, if it fails.
run_logged() {
  local what=$1
  shift
  printf '\n$ %s\n' "$*" >> "$log_file"
  "$@" >> "$log_file" 2>&1 < /dev/null || fail_with_log "$what failed"
}

# run_with_progress LABEL COMMAND...: runs the command into the log and follows the "[3/70]" or "3/70" at the start
# of its lines: one line that moves on a terminal, one line each fifth of the way elsewhere. Returns its status.
run_with_progress() {
  local label=$1 line done_count total last_step=0 status=0
  shift
  printf '\n$ %s\n' "$*" >> "$log_file"
  "$@" 2>&1 < /dev/null | while IFS= read -r line; do
    printf '%s\n' "$line" >> "$log_file"
    if [[ $line =~ ^[[:space:]]*\[?([0-9]+)/([0-9]+)[]\ ] ]]; then
      done_count=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
      if [[ -t 1 ]]; then
        printf '\r  %s %d of %d' "$label" "$done_count" "$total"
      elif (( done_count * 5 / total > last_step )); then
        last_step=$(( done_count * 5 / total ))
        say "  $label $done_count of $total"
      fi
    fi
  done || status=${PIPESTATUS[0]}
  if [[ -t 1 ]]; then
    printf '\r\033[K'
  fi
  return "$status"
}

# install_packages PACKAGE...: installs those that are missing, with apt-get. Sets `installed` to yes if there were any.
install_packages() {
  installed=no
  local package missing=() as_root=()
  if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
    say "Not a Debian system: the packages are not checked. Needed, by their Debian names: $*"
    return
  fi
  for package in "$@"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if (( ${#missing[@]} == 0 )); then
    return
  fi
  if (( $(id -u) != 0 )); then
    command -v sudo > /dev/null || fail "packages are missing and neither root nor sudo is there to install them." \
      "Have somebody run: apt-get install ${missing[*]}"
    as_root=(sudo --preserve-env=DEBIAN_FRONTEND)
  fi
  say "Installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  run_logged 'apt-get update' "${as_root[@]}" apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 update
  run_logged 'apt-get install' "${as_root[@]}" apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    install --yes --no-install-recommends "${missing[@]}"
  installed=yes
}

# configure OPTION...: `meson setup`, only when the options changed, packages came, or the last one failed.
configure() {
  local reconfigure=()
  if [[ -f $build_directory/build.ninja ]]; then
    if [[ $installed == no && $(cat "$build_directory/configured-with" 2> /dev/null) == "$*" ]]; then
      return
    fi
    reconfigure=(--reconfigure)
  fi
  say "Configuring $(basename "$build_directory")"
  rm -f "$build_directory/configured-with"
  run_logged 'meson setup' meson setup "${reconfigure[@]}" "$@" "$build_directory" "$source_root"
  printf '%s' "$*" > "$build_directory/configured-with"
}

# build [TARGET...]: brings the targets up to date; says so only when there is something to do.
build() {
  local start=$SECONDS
  if ninja -C "$build_directory" -n "$@" 2> /dev/null | grep -q 'no work to do'; then
    return
  fi
  say "Building in $(basename "$build_directory")"
  NINJA_STATUS='[%f/%t] ' run_with_progress 'built' ninja -C "$build_directory" "$@" || fail_with_log 'the build failed'
  say "  built in $(( SECONDS - start )) s"
}
