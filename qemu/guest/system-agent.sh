# Runs in a system image beside its init, with the image's own commands: waits until the system is up, arms the crash
# kernel and crashes. It is on the image's /run, which is memory.
home=/run/kdumpling-lab
. $home/lab.conf
: > $home/started
# system-image.sh moves /proc, /sys and /dev here, and then becomes the image's init.
root_of() { $home/bin/busybox stat -Lc %d:%i "$1" 2> /dev/null; }
until [ -d /proc/1 ] && [ "$(root_of /proc/1/root/)" = "$(root_of /)" ]; do $home/bin/busybox sleep 0.1; done
exec > /dev/console 2>&1 < /dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$home/applets
$home/bin/busybox mkdir $home/applets
$home/bin/busybox --install -s $home/applets

# The console may be in the middle of a line of the system's own, as a login prompt.
say() { printf '\nlab: %s\n' "$*"; }
give_up() {
  say "gave up: $*"
  sync
  $home/bin/busybox poweroff -f
}

# Without systemd: somebody can log in.
state() {
  if [ -d /run/systemd/system ]; then systemctl is-system-running 2> /dev/null
  elif pidof agetty getty mingetty login > /dev/null; then echo running
  else echo starting
  fi
}
waited=0
until state=$(state); [ "$state" = running ] || [ "$state" = degraded ]; do
  [ $waited -lt "$up_seconds" ] || give_up "the system is not up after $up_seconds s: ${state:-no answer}"
  sleep 2
  waited=$((waited + 2))
done
say "the system is up: $state, $(cat /proc/1/comm) is its init"

eval "$before_arming"
say "memory map"
# virtio-mem's memory has a suffix and is below its device.
sed -n 's/^ *\([0-9a-f-]*\) : System RAM.*/lab: ram \1/p; s/^ *\([0-9a-f-]*\) : Crash kernel$/lab: reserved \1/p' /proc/iomem
say "arming"
# The lab's kexec has its own libraries.
for name in proc sys dev; do mount --bind "/$name" "$home/$name" || give_up "cannot mount $home/$name"; done
PATH=/sbin:/usr/sbin:/bin:/usr/bin chroot $home kexec -s -p "/disk/boot/vmlinuz-$kver" \
  --initrd="/disk/boot/initramfs-${kver}kdump.img" --command-line="$crash_command_line" || give_up "kexec refused"
[ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ] || give_up "the crash kernel is not loaded"
say "armed"
: > $home/disk/crashed
sync
mount -o remount,ro $home/disk
say "panic now"
eval "$before_crash"
eval "$trigger"
sleep 60
give_up "the trigger did not crash the kernel: $trigger"
