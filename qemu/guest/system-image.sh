#!/bin/busybox sh
# /init of the first kernel of a machine with a system image. On the first boot it mounts the image's root file system,
# starts the lab's agent in it, and becomes the image's own init. On the boot after the crash it copies what was saved to
# the lab's disk. Lines that begin with "lab:" are for the lab.
/bin/busybox mkdir -p /proc /sys /dev /tmp /disk /lab
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
. /lab.conf

say() { echo "lab: $*"; }
give_up() {
  say "gave up: $*"
  sync
  poweroff -f
}

for module in $modules; do insmod "$module" || give_up "cannot load $module"; done
until [ -b "$lab_disk" ]; do sleep 0.1; done
mount -t ext4 "$lab_disk" /lab || give_up "cannot mount the lab's disk $lab_disk"
until root=$(blkid -U "$root_uuid"); do sleep 0.1; done

if [ "$fstype" != ext4 ]; then :
elif e2fsck -fn "$root" > /tmp/fsck 2>&1; then say "fsck clean"
else say "fsck dirty: $(tail -n 1 /tmp/fsck)"
fi
mount -t "$fstype" ${mount_options:+-o "$mount_options"} "$root" /disk || give_up "cannot mount $root"

if [ -e /lab/crashed ]; then
  for dump in /disk/var/crash/*; do
    name=${dump##*/}
    { [ -d "$dump" ] && ! grep -qxF "$name" /lab/before; } || continue
    for file in $(find "$dump" -type f | sort); do
      say "file $(stat -c '%a %s' "$file") ${file#/disk}"
    done
    cp -a "$dump" /lab/var/crash/ || say "cannot copy $name"
  done
  # A raw copy of /proc/vmcore (--raw).
  [ ! -d /disk/var/lab ] || cp -a /disk/var/lab /lab/var/
  say "came home"
  umount /disk /lab
  poweroff -f
fi

mkdir -p /disk/var/crash
ls -A /disk/var/crash > /lab/before
# The triggers of the lab's module load it from there.
[ ! -e /kdumpling_lab.ko ] || cp /kdumpling_lab.ko /disk/
home=/disk/run/kdumpling-lab
mkdir -p /disk/run
mount -t tmpfs -o mode=755 tmpfs /disk/run
mkdir -p $home/disk $home/proc $home/sys $home/dev
for name in /*; do
  case $name in
    /proc | /sys | /dev | /tmp | /disk | /lab | /modules | /init | /kdumpling_lab.ko) ;;
    *) cp -a "$name" $home/ ;;
  esac
done
mount --move /lab $home/disk
chroot /disk /run/kdumpling-lab/bin/busybox sh /run/kdumpling-lab/agent.sh &
until [ -e $home/started ]; do sleep 0.1; done
for name in proc sys dev; do mount --move "/$name" "/disk/$name" || give_up "the image has no /$name"; done
for init in /sbin/init /usr/sbin/init /usr/lib/systemd/systemd; do
  chroot /disk /run/kdumpling-lab/bin/busybox test -x $init && exec switch_root /disk $init
done
give_up "the image has no init"
