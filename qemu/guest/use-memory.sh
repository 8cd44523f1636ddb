# Sourced by first-kernel.sh before the trigger: uses memory as a server does. Lines "lab: fill KIND …" say what it holds.
. /disk/lab/runtime.sh
mib() { awk -v key="$1:" '$1 == key { printf "%d MiB", $2 / 1024 }' /proc/meminfo; }
use() { exec $LAB_NODE --max-old-space-size="$processes_mib" /disk/lab/use-memory.js "$@"; }

# Processes that have ended: their memory is free and still holds its data.
use index "$((processes_mib / 3))" /tmp/over &
over=$!
use values "$((processes_mib / 3))" /tmp/over-too &
over="$over $!"
await 600 /tmp/over
await 600 /tmp/over-too
kill $over
sleep 2
fill "freed $(mib MemFree)"

# Processes that live until the panic, and files in the page cache.
use index "$((processes_mib * 4 / 10))" /tmp/index &
use database "$((processes_mib * 4 / 10))" /tmp/database &
await 600 /tmp/index
await 600 /tmp/database
anonymous=$(awk '$1 == "AnonPages:" { print int($2 / 1024) }' /proc/meminfo)
use values "$((anonymous < processes_mib ? processes_mib - anonymous : 1))" /tmp/values &
await 600 /tmp/values
fill "processes $(mib AnonPages)"
find /disk/lab/files -type f -exec cat {} + > /dev/null
fill "file-cache $(mib Cached)"
fill "slab $(mib Slab)"
fill "free $(mib MemFree)"
arm_again
