# Sourced by PID 1's shell at its end: brings Node to /runtime, and becomes the capture program by exec.
case $runtime_file in /disk/*) . /runtime-disk.sh ;; esac
. /runtime-image.sh
for file in $node; do [ -x "$file" ] || give_up "there is no $file"; done
# Another CPU reads meanwhile what a capture touches of Node, which is at the beginning of its file (build/node/page-order.ts), and
# loads the target's drivers. The program loads those that are not there by then, and says which it cannot load.
if several_cpus; then
  (
    [ $touched_kib = 0 ] || $bb dd if="${node#* }" of=/dev/null bs=64k count=$((touched_kib / 64))
    for module in $target_modules; do load "$module"; done
  ) > /dev/null 2>&1 &
fi
vmcore_bytes=$($bb stat -c %s /proc/vmcore 2> /dev/null)
[ "${vmcore_bytes:-0}" -ge "$small_crash_bytes" ] || node_flags="$node_flags $small_crash_flags"
export NODE_DISABLE_COLORS=1
# mallopt(3), M_MMAP_THRESHOLD: without it, what is freed in larger pieces raises the size from which a piece is given back when it is
# freed, and 1 MB of the compiler's stays with the program.
export MALLOC_MMAP_THRESHOLD_=65536
exec $node $node_flags $start /capture.js
