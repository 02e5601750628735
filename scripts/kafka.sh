#!/usr/bin/env bash
# One Apache Kafka broker (KRaft: broker and controller in one process) on loopback, for tests and trials.
#
#   scripts/kafka.sh fetch             get the jars from Maven Central once (Java 17 and Maven needed)
#   scripts/kafka.sh start DIR PORT    run a broker with its data in DIR; PORT and PORT+1 must be free;
#                                      prints the address once it answers
#   scripts/kafka.sh stop DIR          end it and wait
#   scripts/kafka.sh wipe DIR          end it at once and delete DIR
#
# The jars (46 MB) and a class-data archive, with which a broker starts in 2 s instead of 8 s, are kept in
# .cache/kafka of the repository.
set -euo pipefail

version=4.2.1
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$repository/.cache/kafka
jars=$cache/$version
archive=$jars.jsa
jvm=(-Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

die() {
  echo "kafka.sh: $*" >&2
  exit 1
}

settings() { # DIR PORT
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(($2 + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$(($2 + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$2
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$1/log
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
log.retention.hours=-1
END
}

running() { # DIR
  [[ -f $1/pid ]] && kill -0 "$(<"$1/pid")" 2>/dev/null
}

answers() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Formats DIR on first use, starts the broker as a process group of its own and waits for its port.
launch() { # DIR PORT JVM_FLAG...
  local dir=$1 port=$2
  shift 2
  mkdir -p "$dir"
  settings "$dir" "$port" >"$dir/server.properties"
  if [[ ! -f $dir/log/meta.properties ]]; then
    java "${jvm[@]}" "$@" -cp "$jars/*" kafka.tools.StorageTool format -c "$dir/server.properties" \
      -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)" >"$dir/format.log" 2>&1 ||
      die "cannot format $dir: $(tail -3 "$dir/format.log")"
  fi
  setsid java "${jvm[@]}" "$@" -cp "$jars/*" kafka.Kafka "$dir/server.properties" \
    >>"$dir/server.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  for _ in {1..600}; do
    answers "$port" && return
    running "$dir" || break
    sleep 0.1
  done
  die "the broker did not start: $(tail -20 "$dir/server.log")"
}

halt() { # DIR SIGNAL
  running "$1" || return 0
  local pid
  pid=$(<"$1/pid")
  kill "-$2" "$pid" 2>/dev/null || true
  for _ in {1..300}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1/pid"
}

fetch() {
  command -v java >/dev/null || die 'Java 17 or newer is needed'
  if [[ ! -d $jars ]]; then
    command -v mvn >/dev/null || die 'Maven is needed to fetch Kafka'
    mkdir -p "$cache"
    local fresh
    fresh=$(mktemp -d "$cache/fetch.XXXXXX")
    mvn -q -B -f "$repository/scripts/kafka-pom.xml" -Dkafka.version="$version" \
      dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 ||
      { rm -rf "$fresh"; die 'Maven could not fetch Kafka'; }
    mv -T "$fresh" "$jars" 2>/dev/null || rm -rf "$fresh"
  fi
  [[ -f $archive ]] && return
  # The archive is written when a broker ends. Without one everything works, only slower.
  local trial
  trial=$(mktemp -d)
  launch "$trial" 19392 "-XX:ArchiveClassesAtExit=$trial/classes.jsa" >&2
  halt "$trial" TERM
  mv "$trial/classes.jsa" "$archive" 2>/dev/null || true
  rm -rf "$trial"
}

command=${1:-}
case $command in
  fetch) fetch ;;
  start)
    [[ $# -eq 3 ]] || die 'start DIR PORT'
    fetch
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    ! running "$dir" || die "a broker runs on $dir already"
    flags=()
    [[ -f $archive ]] && flags=("-XX:SharedArchiveFile=$archive")
    launch "$dir" "$3" "${flags[@]}"
    echo "127.0.0.1:$3"
    ;;
  stop) halt "${2:?stop DIR}" TERM ;;
  wipe)
    halt "${2:?wipe DIR}" KILL
    rm -rf "$2"
    ;;
  *) die "unknown command \"$command\": fetch, start, stop or wipe" ;;
esac
