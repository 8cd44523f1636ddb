#!/bin/busybox sh
# The early stage: the kernel starts this as PID 1. It mounts what everything needs, starts the last-resort timer,
# opens the runtime image (Node and the capture program) and becomes the capture program by exec.
# What it cannot do ends in a reboot; where even that fails, panic= on the command line takes over when PID 1 dies.
bb=/bin/busybox

come_home() {
  echo "kdumpling: early: NOT saved: $1; rebooting"
  $bb reboot -f
  echo b > /proc/sysrq-trigger
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev

# The timer is a process of its own: it fires even when the capture program hangs in the kernel.
. /etc/early.conf
for word in $($bb cat /proc/cmdline); do
  case $word in
    kdumpling.deadlineSeconds=*[!0-9]* | kdumpling.deadlineSeconds=) ;;
    kdumpling.deadlineSeconds=*) deadline=${word#*=} ;;
  esac
done
(
  echo -1000 > /proc/self/oom_score_adj
  $bb sleep $((deadline + grace))
  echo "kdumpling: early: NOT finished after $((deadline + grace)) s; rebooting by sysrq"
  echo b > /proc/sysrq-trigger
) &

# Under this, a kernel that cannot keep what was used within the last seconds is out of memory and panics. Without it, it
# drops the program's code and reads it back for ever (Linux Documentation/admin-guide/mm/multigen_lru.rst, v6.1).
lru=/sys/kernel/mm/lru_gen
[ -w $lru/enabled ] && echo y > $lru/enabled && echo 1000 > $lru/min_ttl_ms

for module in $modules; do
  $bb insmod "$module" || come_home "cannot load $module for the runtime image"
done
$bb losetup -r /dev/loop0 /runtime.squashfs || come_home "cannot attach the runtime image to a loop device"
$bb mount -t squashfs -o ro /dev/loop0 /runtime || come_home "cannot mount the runtime image; is it whole?"
[ -x /runtime/bin/node ] || come_home "there is no /runtime/bin/node in the runtime image"
export NODE_DISABLE_COLORS=1
exec /runtime/bin/node $node_flags /capture.js
