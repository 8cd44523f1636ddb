#!/bin/busybox sh
# /init of the first (system) kernel. On the first boot it fills some memory, arms the crash kernel and panics. On the
# boot after the crash it reports what was saved. Lines that begin with "lab:" are for the lab.
/bin/busybox mkdir -p /proc /sys /dev /tmp /disk /fill
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
. /lab.conf

# stty waits until the serial line has sent what is there (TCSADRAIN): a power-off or a kernel message can cut a line.
say() {
  echo "lab: $*"
  stty onlcr 2> /dev/null
}
give_up() {
  say "gave up: $*"
  sync
  poweroff -f
}

# kexec-tools loads it, or where those cannot, kdumpling's own code by Node ($node is a command with arguments).
load_crash_kernel() {
  if [ -n "$load_program" ]; then $node "$load_program" "$1" "$2" "$crash_command_line"
  else kexec -s -p "$1" --initrd="$2" --command-line="$crash_command_line"
  fi
}

# The logical volume. On the first boot it is created around the file system, which the lab put where the first extent
# will be.
volume_group() {
  until [ -b "$physical_volume" ]; do sleep 0.1; done
  mkdir -p /run/lock/lvm
  export LVM_SYSTEM_DIR=/tmp LVM_SUPPRESS_FD_WARNINGS=1
  own_nodes='activation { udev_sync = 0 udev_rules = 0 } devices { use_devicesfile = 0 obtain_device_list_from_udev = 0 }'
  lvm vgchange --config "$own_nodes" -ay lab 2> /dev/null && [ -b "$disk" ] && return
  lvm pvcreate --config "$own_nodes" "$physical_volume" &&
    lvm vgcreate --config "$own_nodes" lab "$physical_volume" &&
    lvm lvcreate --config "$own_nodes" -l 100%FREE -Wn -Zn -n root lab || give_up "cannot make the logical volume"
}

for module in $modules; do insmod "$module" || give_up "cannot load $module"; done
[ -z "$physical_volume" ] || volume_group
until [ -b "$disk" ]; do sleep 0.1; done

# A forced check, read-only: any exit code but 0 means that the last boot left something to repair. For other file systems
# the kernel's messages at the mount tell.
if [ "$fstype" != ext4 ]; then :
elif e2fsck -fn "$disk" > /tmp/fsck 2>&1; then say "fsck clean"
else say "fsck dirty: $(tail -n 1 /tmp/fsck)"
fi
[ "$fstype" = vfat ] && private='-o umask=0077'
mount -t "$fstype" $private "$disk" /disk || give_up "cannot mount $disk"

# The kernel's messages share the serial line and would cut through those for the lab.
read -r console_level _ < /proc/sys/kernel/printk
dmesg -n 1

panicked=$(cat /disk/lab/panicked 2> /dev/null || echo 0)
if [ "$panicked" -ge "${crashes:-1}" ]; then
  for file in $(find /disk/var/crash -type f | sort); do
    say "file $(stat -c '%a %s' "$file") ${file#/disk}"
  done
  # The lab cannot read this file system: the files go to another disk as a tar archive.
  [ -z "$outbox" ] || tar -cf "$outbox" -C /disk/var . || say "cannot fill the outbox"
  say "came home"
  umount /disk
  poweroff -f
fi

if [ -n "$watchdog_seconds" ]; then
  watchdog -t 5 -T "$watchdog_seconds" /dev/watchdog0 || give_up "cannot start the watchdog"
  say "watchdog $(cat /sys/class/watchdog/watchdog0/identity) runs, $watchdog_seconds s"
fi

# Memory to dump: page cache, a tmpfs and processes, with a marker in each.
cat /disk/boot/* > /dev/null
mount -t tmpfs tmpfs /fill
i=0
while [ $i -lt 4096 ]; do echo "$marker tmpfs $i"; i=$((i + 1)); done > /fill/marker
dd if=/dev/urandom of=/fill/random bs=1M count="$fill_mib" 2> /dev/null
for name in alpha beta gamma; do
  sh -c "held='$marker process $name'; while :; do sleep 3600; done" &
done

eval "$before_arming"
say "memory map"
# virtio-mem's memory has a suffix and is below its device.
sed -n 's/^ *\([0-9a-f-]*\) : System RAM.*/lab: ram \1/p; s/^ *\([0-9a-f-]*\) : Crash kernel$/lab: reserved \1/p' /proc/iomem
say "arming"
load_crash_kernel "/disk/boot/vmlinuz-$kver" "/disk/boot/initramfs-${kver}kdump.img" || give_up "kexec refused"
[ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ] || give_up "the crash kernel is not loaded"
say "armed"
mkdir -p /disk/lab
echo $((panicked + 1)) > /disk/lab/panicked
sync
say "panic now"
dmesg -n "$console_level"
eval "$before_crash"
eval "$trigger"
sleep 60
give_up "the trigger did not crash the kernel: $trigger"
