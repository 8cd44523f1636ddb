#!/bin/busybox sh
# /init of the machine that finishes a Debian of another architecture than the host's: debootstrap's second stage installs
# the packages, then the script "finishing" runs. Both run in the disk's own root. Lines that begin with "lab:" are for the lab.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
. /lab.conf

give_up() {
  echo "lab: gave up: $*"
  sync
  poweroff -f
}

for module in $modules; do insmod "$module" || give_up "cannot load $module"; done
until [ -b "$root" ]; do sleep 0.1; done
# The image is thrown away when the machine is lost: nothing is gained by waiting for the disk.
mount -t ext4 -o nobarrier,noatime "$root" /root || give_up "cannot mount $root"
# No udev runs here, and GRUB names the root by its UUID only where there is such a link.
mkdir -p /dev/disk/by-uuid
ln -s "$root" "/dev/disk/by-uuid/$root_uuid"
# debootstrap mounts /proc and /sys by itself, and would take away a /sys that is there, which the initrd's maker needs.
mount --bind /dev /root/dev
[ -z "$esp" ] || mount -t vfat "$esp" /root/boot/efi || give_up "cannot mount $esp"

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive
speed=/root/etc/dpkg/dpkg.cfg.d/lab
echo force-unsafe-io > $speed
chroot /root /debootstrap/debootstrap --second-stage || give_up "debootstrap: $(tail -n 1 /root/debootstrap/debootstrap.log)"
rm $speed
# At its end debootstrap takes them away.
for name in proc sys; do mountpoint -q "/root/$name" || mount --bind "/$name" "/root/$name"; done
chroot /root /bin/sh -c "$finishing" || give_up "the boot loader is not installed"
chroot /root apt-get clean
chroot /root dpkg-query -W -f 'lab: package ${Package} ${Version}\n'
echo "lab: debian is complete"
umount /root/boot/efi
sync
mount -o remount,ro /root
poweroff -f
