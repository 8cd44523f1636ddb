#!/bin/busybox sh
# The early stage: the kernel starts this as PID 1. It mounts what everything needs, starts the supervisor (watch.sh), has
# runtime.sh bring Node to /runtime and becomes the capture program by exec.
# What it cannot do ends in a reboot; where even that fails, panic= on the command line takes over when PID 1 dies.
bb=/bin/busybox

come_home() {
  echo "<0>kdumpling: early: NOT saved: $1; rebooting" > /dev/kmsg
  $bb reboot -f
  echo b > /proc/sysrq-trigger
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev

# Its values are numbers and paths that initrd/image.ts wrote. The kernel's command line is the program's to read, which
# checks what it reads and tells the supervisor.
. /etc/early.conf

$bb mkfifo $pause_fifo
echo "0 $patience $((deadline + grace)) b start" > $progress
watchdogs=
( . /watch.sh ) 2> /dev/null &
unarmed=$!

# Hardware watchdogs: the first kernel may have left any of them running, and not each that is there resets the machine.
# Without one, the kernel's own, a timer interrupt.
for module in $watchdog_modules; do $bb insmod "$module" 2> /dev/null; done
[ -c /dev/watchdog0 ] || [ -z "$softdog" ] || $bb insmod "$softdog" 2> /dev/null
# The descriptors are the supervisor's; the program sets the times and lets go of them (capture/init/watchdog.ts). This
# shell knows those of one digit; 8 is taken in watch.sh.
set -- 9 7 6 5
for device in /dev/watchdog[0-3]; do
  [ -c "$device" ] && eval "command exec $1> $device" && watchdogs="$watchdogs $1" && shift
done
if [ -n "$watchdogs" ]; then
  ( . /watch.sh ) 2> /dev/null &
  kill -9 $unarmed
  wait $unarmed 2> /dev/null
fi

# Under this, a kernel that cannot keep what was used within the last seconds is out of memory and panics. Without it, it
# drops the program's code and reads it back for ever (Linux Documentation/admin-guide/mm/multigen_lru.rst, v6.1).
lru=/sys/kernel/mm/lru_gen
[ -w $lru/enabled ] && echo y > $lru/enabled && echo 1000 > $lru/min_ttl_ms

for module in $modules; do
  $bb insmod "$module" || come_home "cannot load $module for the runtime"
done
. /runtime.sh
[ -x /runtime/bin/node ] || come_home "there is no /runtime/bin/node"
export NODE_DISABLE_COLORS=1
exec /runtime/bin/node $node_flags /capture.js
