#!/usr/bin/env bash
# One Apache Kafka broker (KRaft: broker and controller in one process) on loopback, for tests and trials.
#
#   scripts/kafka.sh fetch             get the jars from Maven Central once (Java 17 and Maven needed)
#   scripts/kafka.sh start DIR PORT [secure]
#                                      run a broker with its data in DIR; PORT and PORT+1 must be free;
#                                      prints the address once it answers. secure: also SASL_PLAINTEXT on
#                                      PORT+2 and SASL_SSL on PORT+3 (PLAIN, SCRAM-SHA-256 and -512; user
#                                      vamo, password vamo-secret) and SSL on PORT+4; its certificate is
#                                      DIR/tls/ca.pem
#   scripts/kafka.sh stop DIR          end it and wait
#   scripts/kafka.sh wipe DIR          end it at once and delete DIR
#
# KAFKA_VERSION names another release than the pinned one. The jars (46 MB) and a class-data archive, with which a broker starts in 2 s instead of 8 s, are kept in
# .cache/kafka of the repository.
set -euo pipefail

version=${KAFKA_VERSION:-4.2.1}
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

# One certificate, its own authority, for 127.0.0.1.
certificate() { # DIR
  [[ -f $1/tls/ca.pem ]] && return
  mkdir -p "$1/tls"
  keytool -genkeypair -alias broker -keyalg EC -validity 30 -dname CN=127.0.0.1 \
    -ext san=ip:127.0.0.1 -storetype PKCS12 -keystore "$1/tls/broker.p12" -storepass vamo-store 2>/dev/null
  keytool -exportcert -rfc -alias broker -keystore "$1/tls/broker.p12" -storepass vamo-store \
    >"$1/tls/ca.pem" 2>/dev/null
}

security() { # DIR PORT
  local plain=org.apache.kafka.common.security.plain.PlainLoginModule
  local scram=org.apache.kafka.common.security.scram.ScramLoginModule
  cat <<END
listeners=PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$(($2 + 1)),SASL_PLAINTEXT://127.0.0.1:$(($2 + 2)),SASL_SSL://127.0.0.1:$(($2 + 3)),SSL://127.0.0.1:$(($2 + 4))
advertised.listeners=PLAINTEXT://127.0.0.1:$2,SASL_PLAINTEXT://127.0.0.1:$(($2 + 2)),SASL_SSL://127.0.0.1:$(($2 + 3)),SSL://127.0.0.1:$(($2 + 4))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PKCS12
ssl.keystore.location=$1/tls/broker.p12
ssl.keystore.password=vamo-store
END
  local listener
  for listener in sasl_plaintext sasl_ssl; do
    echo "listener.name.$listener.plain.sasl.jaas.config=$plain required user_vamo=\"vamo-secret\";"
    echo "listener.name.$listener.scram-sha-256.sasl.jaas.config=$scram required;"
    echo "listener.name.$listener.scram-sha-512.sasl.jaas.config=$scram required;"
  done
}

running() { # DIR
  [[ -f $1/pid ]] && kill -0 "$(<"$1/pid")" 2>/dev/null
}

answers() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Formats DIR on first use, starts the broker as a process group of its own and waits for its port.
launch() { # DIR PORT secure|open JVM_FLAG...
  local dir=$1 port=$2 form=$3 users=()
  shift 3
  mkdir -p "$dir"
  settings "$dir" "$port" >"$dir/server.properties"
  if [[ $form == secure ]]; then
    certificate "$dir"
    # Of a name that stands twice the last one holds.
    security "$dir" "$port" >>"$dir/server.properties"
    for hash in 256 512; do
      users+=(--add-scram "SCRAM-SHA-$hash=[name=vamo,password=vamo-secret]")
    done
  fi
  if [[ ! -f $dir/log/meta.properties ]]; then
    java "${jvm[@]}" "$@" -cp "$jars/*" kafka.tools.StorageTool format -c "$dir/server.properties" \
      "--cluster-id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)" "${users[@]}" >"$dir/format.log" 2>&1 ||
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
    # Maven writes colour codes to its console even when told not to; what it says is in its log.
    mvn -q -B -l "$fresh.log" -f "$repository/scripts/kafka-pom.xml" -Dkafka.version="$version" \
      dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >/dev/null 2>&1 ||
      { cat "$fresh.log" >&2; rm -rf "$fresh" "$fresh.log"; die 'Maven could not fetch Kafka'; }
    rm -f "$fresh.log"
    mv -T "$fresh" "$jars" 2>/dev/null || rm -rf "$fresh"
  fi
  [[ -f $archive ]] && return
  # The archive is written when a broker ends. Without one everything works, only slower.
  local trial
  trial=$(mktemp -d)
  launch "$trial" 19392 open "-XX:ArchiveClassesAtExit=$trial/classes.jsa" >&2
  halt "$trial" TERM
  mv "$trial/classes.jsa" "$archive" 2>/dev/null || true
  rm -rf "$trial"
}

command=${1:-}
case $command in
  fetch) fetch ;;
  start)
    [[ $# -eq 3 || ($# -eq 4 && $4 == secure) ]] || die 'start DIR PORT [secure]'
    fetch
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    ! running "$dir" || die "a broker runs on $dir already"
    flags=()
    [[ -f $archive ]] && flags=("-XX:SharedArchiveFile=$archive")
    launch "$dir" "$3" "${4:-open}" "${flags[@]}"
    echo "127.0.0.1:$3"
    ;;
  stop) halt "${2:?stop DIR}" TERM ;;
  wipe)
    halt "${2:?wipe DIR}" KILL
    rm -rf "$2"
    ;;
  *) die "unknown command \"$command\": fetch, start, stop or wipe" ;;
esac
