#!/usr/bin/env bash
# Ends what up.sh started in FOLDER, by its pid files only, and removes the folder.
set -uo pipefail
lab=$(realpath -m "${1:?usage: down.sh FOLDER}")
[ -f "$lab/.slurm-lab" ] || exit 0
export SLURM_CONF=$lab/slurm.conf

pids() { cat "$lab"/run/*.pid 2>/dev/null; }

# Steps outlive their slurmd on purpose, so jobs are cancelled first, and given time to be gone.
jobs=$(timeout 5 squeue -h -o %A 2>/dev/null)
if [ -n "$jobs" ]; then
  # shellcheck disable=SC2086
  timeout 10 scancel --full --signal=KILL $jobs 2>/dev/null
  # shellcheck disable=SC2086
  timeout 10 scancel $jobs 2>/dev/null
  for _ in $(seq 60); do [ -z "$(timeout 5 squeue -h -o %A 2>/dev/null)" ] && break; sleep 0.1; done
fi
# shellcheck disable=SC2046
kill -TERM $(pids) 2>/dev/null
for _ in $(seq 20); do
  # shellcheck disable=SC2046
  kill -0 $(pids) 2>/dev/null || break
  sleep 0.1
done
for pid in $(pids); do kill -KILL "$pid" 2>/dev/null; done
rm -rf "$lab"
