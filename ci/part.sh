# shellcheck shell=bash
# What every part of stage 2 begins with. Each is a script of its own in ci/real.d: `ci/real.d/proxy`, or `ci/real proxy`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
part=$(basename "$0")
shakedown=${SHAKEDOWN_BIN:-$PWD/target/release/shakedown}
[ -x "$shakedown" ] || cargo build --release --locked
scratch=$(mktemp -d)
runs=$scratch/runs
began=$SECONDS
passed=0
failed=0
skipped=0
failures=()   # The names of the checks that failed.
at_the_end=() # Commands for the end, however it comes.

ending() {
  local code=$? command name
  for command in ${at_the_end[@]+"${at_the_end[@]}"}; do $command || true; done
  if [ $code != 0 ]; then
    failed=$((failed + 1))
    failures+=("ended with exit $code")
  fi
  rm -rf "$scratch"
  if [ -n "${SHAKEDOWN_TALLY:-}" ]; then
    echo "$part $((SECONDS - began)) $passed $failed $skipped" >>"$SHAKEDOWN_TALLY"
    for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $part: $name" >>"$SHAKEDOWN_TALLY"; done
  fi
  echo "$part: $passed passed, $failed failed, $skipped skipped in $((SECONDS - began)) s"
  [ "$failed" = 0 ] || exit 1
  [ "${SHAKEDOWN_REAL:-}" != required ] || [ "$skipped" = 0 ] || exit 1
}
trap ending EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# A skip is a failure where SHAKEDOWN_REAL=required.
skip() { # NAME WHY
  echo "$part: skipped $1: $2"
  skipped=$((skipped + 1))
}

check() { # NAME COMMAND...
  local name=$1 from=$SECONDS code=0
  shift
  echo "$part: $name"
  "$@" || code=$?
  if [ $code = 0 ]; then
    passed=$((passed + 1))
    echo "$part: passed $name ($((SECONDS - from)) s)"
  else
    failed=$((failed + 1))
    failures+=("$name (exit $code)")
    echo "$part: FAILED $name (exit $code, $((SECONDS - from)) s)"
  fi
}

# Scenarios that must come to the verdict of their headers (ci/verdict). In their short form a few go side by side, and what
# has no verdict there runs again, alone. Where SHAKEDOWN_FULL is set: as they are, one after the other, gates judged.
scenarios() { # SCENARIO...
  local scenario name code
  if ! command -v python3 >/dev/null; then
    skip "verdicts beside their headers" "python3 is needed"
    return 0
  fi
  export SHAKEDOWN_BIN=$shakedown
  mkdir -p "$runs"
  if [ -z "${SHAKEDOWN_FULL:-}" ]; then
    printf '%s\0' "$@" | xargs -0 -P "${SHAKEDOWN_LANES:-3}" -I{} ci/verdict --short {} "$runs" || true
  fi
  for scenario in "$@"; do
    name=$(basename "$scenario" .yaml)
    if [ -n "${SHAKEDOWN_FULL:-}" ]; then
      check "$name" until_verdict 3 ci/verdict "$scenario" "$runs"
      continue
    fi
    code=$(cat "$runs/$name.code" 2>/dev/null) || code=70
    case $code in
      0) passed=$((passed + 1)) ;;
      3) check "$name, alone" until_verdict 3 ci/verdict --short "$scenario" "$runs" ;;
      *)
        failed=$((failed + 1))
        failures+=("$name (exit $code)")
        ;;
    esac
  done
}

# A measured run on a machine that others disturb may have no verdict (exit 3): that is said, and it is run again. A failed
# gate or a violated guarantee is never run again.
until_verdict() { # TRIES COMMAND...
  local code try tries=$1
  shift
  for ((try = 1; try <= tries; try++)); do
    code=0
    "$@" || code=$?
    [ $code = 3 ] || return $code
    [ "$try" = "$tries" ] || echo "$part: no verdict; once more"
  done
  return $code
}

judged() { # SCENARIO ARGS...
  until_verdict 3 "$shakedown" run "$@" --out "$runs"
}

free_port() { # below 32768, so that no outgoing connection gets it meanwhile
  local port
  while port=$((20000 + RANDOM % 12000)) && (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

# The real parts. Each says what is missing and ends the part where it cannot do without.
needs() { # VARIABLE WHAT
  [ -z "${!1:-}" ] || return 0
  skip "$2" "$1 is not set"
  exit 0
}

needs_engine() { # WHAT
  if [ -n "${SHAKEDOWN_NO_ENGINE:-}" ]; then
    # The caller tried, and such a machine has none: nothing that a change of ours could mend.
    echo "$part: left out $1: $SHAKEDOWN_NO_ENGINE"
    exit 0
  fi
  local version
  version=$(timeout 20 docker version --format '{{.Server.Version}}' 2>/dev/null) || version=
  [ -n "$version" ] && return 0
  skip "$1" "no container engine answers (docker version)"
  exit 0
}
