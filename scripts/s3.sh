#!/usr/bin/env bash
# One S3-compatible server with conditional creates (moto, in memory) on loopback, for tests and trials.
#
#   scripts/s3.sh fetch             get it from PyPI once (Python 3.10 with venv and pip needed)
#   scripts/s3.sh start DIR PORT    run it, its process id and log in DIR; PORT must be free;
#                                   prints the address once it answers. No data outlives it.
#   scripts/s3.sh stop DIR          end it and wait
#
# The packages (140 MB) are kept in .cache/s3 of the repository. Any credentials are taken.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requirements=$repository/scripts/s3-requirements.txt
version=$(sha256sum "$requirements" | cut -c1-12)
home=$repository/.cache/s3/$version

die() {
  echo "s3.sh: $*" >&2
  exit 1
}

running() { # DIR
  [[ -f $1/pid ]] && kill -0 "$(<"$1/pid")" 2>/dev/null
}

answers() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

fetch() {
  [[ -f $home/installed ]] && return
  python3 -c 'import venv, ensurepip' 2>/dev/null || die 'Python 3 with venv and pip is needed'
  mkdir -p "$home"
  (
    # Two that come at once: the second waits, and finds it done.
    flock 9
    [[ -f $home/installed ]] && exit 0
    python3 -m venv --clear "$home/venv"
    "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    touch "$home/installed"
  ) 9>"$home.lock" || die 'the server could not be installed from PyPI'
}

start() { # DIR PORT
  ! answers "$2" || die "port $2 is taken"
  mkdir -p "$1"
  setsid "$home/venv/bin/python" "$repository/scripts/s3_server.py" "$2" \
    >"$1/server.log" 2>&1 </dev/null &
  echo $! >"$1/pid"
  for _ in {1..300}; do
    answers "$2" && return
    running "$1" || break
    sleep 0.1
  done
  die "the server did not start: $(tail -5 "$1/server.log")"
}

stop() { # DIR
  running "$1" || return 0
  local pid
  pid=$(<"$1/pid")
  kill "$pid" 2>/dev/null || true
  for _ in {1..50}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1/pid"
}

command=${1:-}
case $command in
  fetch) fetch ;;
  start)
    [[ $# -eq 3 ]] || die 'start DIR PORT'
    fetch
    start "$2" "$3"
    echo "http://127.0.0.1:$3"
    ;;
  stop) stop "${2:?stop DIR}" ;;
  *) die "unknown command \"$command\": fetch, start or stop" ;;
esac
