#!/usr/bin/env bash
# Brings up a small Slurm of this machine's own: munged, slurmctld and a slurmd for each of its make-believe nodes.
# No systemd, nothing under /etc or /var, no network but 127.0.0.1. Missing Debian packages are installed (root only).
#
#   tests/slurm/lab/up.sh FOLDER     starts it in FOLDER (short: it holds sockets), or says that it is up
#   . FOLDER/env.sh                  has sbatch, squeue and the others speak with it
#   tests/slurm/lab/down.sh FOLDER   ends it and removes FOLDER
#
# NODES (3) and CPUS (2) say how large; a node may have more CPUs than the machine.
set -euo pipefail
lab=$(realpath -m "${1:?usage: up.sh FOLDER}")
nodes=${NODES:-3}
cpus=${CPUS:-2}
memory_MB=$(awk '/^MemTotal/{print int($2/1024*0.8)}' /proc/meminfo)
wait_s=30
export PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "up.sh: $*" >&2
  tail -n 15 "$lab"/log/*.log >&2 2>/dev/null || true
  exit 1
}

install_missing() {
  local missing=() pair
  for pair in munged:munge slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || fail "packages ${missing[*]} are missing, and only root can install them"
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

is_up() {
  [ -s "$lab/run/slurmctld.pid" ] && kill -0 "$(cat "$lab/run/slurmctld.pid")" 2>/dev/null &&
    SLURM_CONF=$lab/slurm.conf scontrol ping >/dev/null 2>&1
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_ports() { # the first of nodes + 1 ports in a row that nobody listens on
  local first port
  for first in $(seq 16817 20 18000); do
    for port in $(seq "$first" $((first + nodes))); do taken "$port" && continue 2; done
    echo "$first"
    return
  done
  fail "no free ports"
}

slurm_conf() { # FIRST_PORT
  cat <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$1
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
# cred_expire is also how long a job waits that goes back into the queue: 120 s by default, 5 s at least.
AuthInfo=socket=$lab/munge/sock,cred_expire=5
CredType=cred/munge
StateSaveLocation=$lab/ctld
SlurmdSpoolDir=$lab/spool-%n
SlurmctldPidFile=$lab/run/slurmctld.pid
SlurmdPidFile=$lab/run/slurmd-%n.pid
SlurmctldLogFile=$lab/log/slurmctld.log
SlurmdLogFile=$lab/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=5,sched_min_interval=0
# As many CPUs as stated here, whatever the machine has.
SlurmdParameters=config_overrides
JobRequeue=1
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=5
MessageTimeout=20
MinJobAge=300
CONF
  for i in $(seq "$nodes"); do
    echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$(($1 + i)) CPUs=$cpus Sockets=1" \
      "CoresPerSocket=$cpus ThreadsPerCore=1 RealMemory=$memory_MB State=UNKNOWN"
  done
  echo "PartitionName=main Nodes=ALL Default=YES MaxTime=24:00:00 State=UP OverSubscribe=NO"
}

start() { # NAME COMMAND...; no daemon may hold the caller's pipes, or \$(up.sh) would never end
  local name=$1
  shift
  "$@" </dev/null >>"$lab/log/$name.log" 2>&1 || fail "$name does not start"
}

install_missing
is_up && { echo "already up:  . $lab/env.sh"; exit 0; }
[ ! -e "$lab" ] || [ -f "$lab/.slurm-lab" ] || [ -z "$(ls -A "$lab")" ] || fail "$lab holds something else"
rm -rf "$lab"
umask 022 # munged wants no parent that others may write to
mkdir -p "$lab"/{munge,run,log,ctld}
touch "$lab/.slurm-lab"
host=$(hostname -s 2>/dev/null || hostname)
slurm_conf "$(free_ports)" >"$lab/slurm.conf"
# Slurm loads a cgroup plug-in even where none is used, and its own choice dies where no cgroups are mounted.
echo 'CgroupPlugin=cgroup/v1' >"$lab/cgroup.conf"
printf 'export SLURM_CONF=%q\n' "$lab/slurm.conf" >"$lab/env.sh"
export SLURM_CONF=$lab/slurm.conf

(umask 077 && head -c 1024 /dev/urandom >"$lab/munge/key")
force=()
[ "$(id -u)" = 0 ] && force=(--force) # munged dislikes root
start munged munged "${force[@]}" --key-file="$lab/munge/key" --socket="$lab/munge/sock" --num-threads=2 \
  --pid-file="$lab/run/munged.pid" --log-file="$lab/log/munged.log" --seed-file="$lab/munge/seed"
start slurmctld slurmctld -c -f "$SLURM_CONF"
for i in $(seq "$nodes"); do start "slurmd-n$i" slurmd -c -N "n$i" -f "$SLURM_CONF"; done

end=$((SECONDS + wait_s))
until [ "$(sinfo -h -N -o %T 2>/dev/null | grep -c '^idle$')" = "$nodes" ]; do
  [ $SECONDS -lt $end ] || fail "nodes are not idle after $wait_s s: $(sinfo -h -N -o '%N %T' | xargs)"
  sleep 0.1
done
echo "up: $nodes nodes of $cpus CPUs:  . $lab/env.sh"
