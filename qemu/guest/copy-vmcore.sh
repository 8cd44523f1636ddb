#!/bin/busybox sh
# /init of a capture initrd without kdumpling: copies /proc/vmcore to the boot disk byte for byte, and reboots. Filters
# and judges are tested on these copies.
/bin/busybox mkdir -p /proc /sys /dev /tmp /disk
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
. /lab.conf

for module in $modules; do insmod "$module" || echo "lab: capture: cannot load $module"; done
until [ -b "$disk" ]; do sleep 0.1; done
mount -t ext4 "$disk" /disk
dd if=/proc/vmcore of=/disk/var/crash/vmcore.partial bs=4M 2> /tmp/dd &&
  mv /disk/var/crash/vmcore.partial /disk/var/crash/vmcore
echo "lab: capture: $(tail -n 1 /tmp/dd)"
umount /disk
reboot -f
