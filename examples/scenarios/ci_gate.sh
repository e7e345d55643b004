#!/usr/bin/env bash
# A gate for continuous integration: does the host still carry the fleet, and how far may it grow?
# Usage: ci_gate.sh [FLEET.toml [LEAST_VMS]]; exit 1 where fewer than LEAST_VMS fit, 2 where a file or
# an option is wrong.
set -euo pipefail

fleet=${1:-$(dirname "$0")/../fleets/cloud.toml}
least=${2:-1000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Say why the last command failed, without its remarks, and end as it did.
failed() {
    grep -E '^(error|hint)' "$scratch/notes" >&2 || cat "$scratch/notes" >&2
    exit "$1"
}

# What if there were more web servers, under either ABI? The rows that do not fit.
evtplan sweep "$fleet" --vary guest.web.count=300..900:300 --vary abi=2l-64,fifo \
    --select guest_web_count,abi,vms,vm_limit,binding --where "headroom_vms < 0" \
    -o "$scratch/sweep.csv" 2>"$scratch/notes" || failed $?
echo "what does not fit:"
cat "$scratch/sweep.csv"

# The plan itself must: exit 1 says so, and the data stand above.
evtplan size "$fleet" --fail-under "$least" --format csv -o "$scratch/size.csv" \
    2>"$scratch/notes" || failed $?
echo "the host carries at least $least VMs of this mix"
