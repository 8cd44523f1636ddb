#!/bin/busybox sh
# /init of the machine that looks into a system image: finds its root file system and its newest kernel, and writes the
# kernel with its modules to another disk as a tar archive. Nothing is mounted for writing, and no journal is replayed.
/bin/busybox mkdir -p /proc /sys /dev /tmp /root /other /stage
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
. /lab.conf

say() { echo "lab: image $*"; }
for module in $modules; do insmod "$module" || say "module $module refused"; done
until [ -b "$disk" ] && [ -b "$outbox" ]; do sleep 0.1; done

# value NODE NAME: what blkid(8) finds on the device.
value() { blkid -p -s "$2" -o value "$1" 2> /dev/null; }

# peek NODE DIRECTORY [SUBVOLUME]
peek() {
  case $(value "$1" TYPE) in
    ext4 | ext3 | ext2) mount -t ext4 -o ro,noload "$1" "$2" ;;
    xfs) mount -t xfs -o ro,norecovery,nouuid "$1" "$2" ;;
    btrfs) mount -t btrfs -o "ro${3:+,subvol=$3}" "$1" "$2" ;;
    *) false ;;
  esac 2> /dev/null
}

# The links of a system begin at its own root: they are not followed here.
there() { [ -e "$1" ] || [ -L "$1" ]; }
is_system() { [ -d "$1/etc" ] && { there "$1/usr" || there "$1/bin"; }; }
has_init() { there "$1/sbin/init" || there "$1/usr/sbin/init" || there "$1/usr/lib/systemd/systemd"; }

# take NODE [SUBVOLUME]: whether the mounted /root is the one.
take() {
  is_system /root || return 1
  if ! has_init /root; then say "no-init $1"; return 1; fi
  name=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /root/etc/os-release /root/usr/lib/os-release 2> /dev/null | head -n 1)
  say "root $1 $(value "$1" TYPE) $(value "$1" UUID) ${2:--} ${name:-unnamed}"
}

find_root() {
  for node in $nodes; do
    peek "$node" /root || continue
    take "$node" && return
    subvolumes=
    [ "$(value "$node" TYPE)" = btrfs ] && subvolumes=$(cd /root && ls)
    umount /root
    for subvolume in $subvolumes; do
      peek "$node" /root "$subvolume" || continue
      take "$node" "$subvolume" && return
      umount /root
    done
  done
  return 1
}

# kernels: a line RELEASE FILE for each that has its modules, wherever a distribution keeps it.
modules_of() { for place in /root/lib/modules /root/usr/lib/modules; do [ -d "$place/$1" ] && echo "$place/$1" && return; done; return 1; }
kernels() {
  for file in /root/boot/vmlinuz-* /other/vmlinuz-* /other/boot/vmlinuz-* /root/usr/lib/modules/*/vmlinuz /root/lib/modules/*/vmlinuz; do
    [ -f "$file" ] || continue
    case $file in
      */modules/*) release=${file%/vmlinuz}; release=${release##*/} ;;
      *) release=${file##*/vmlinuz-} ;;
    esac
    modules_of "$release" > /dev/null && echo "$release $file"
  done
}

nodes=
for node in "$disk" "$disk"[0-9]*; do
  [ -b "$node" ] || continue
  nodes="$nodes $node"
  type=$(value "$node" TYPE)
  table=$(value "$node" PTTYPE)
  say "found $node ${type:--} ${table:--}"
done

if find_root; then
  # A /boot of its own.
  for node in $nodes; do
    peek "$node" /other || continue
    [ -n "$(ls /other/vmlinuz-* /other/boot/vmlinuz-* 2> /dev/null)" ] && break
    umount /other
  done
  newest=$(kernels | sort -V | tail -n 1)
  if [ -n "$newest" ]; then
    release=${newest%% *}
    file=${newest#* }
    say "kernel $release"
    cp "$file" /stage/vmlinuz
    cp "${file%/*}/config-$release" /stage/config 2> /dev/null || cp "${file%/*}/config" /stage/config 2> /dev/null
    mkdir /stage/modules
    mount --bind "$(modules_of "$release")" /stage/modules
    # No capture needs these, and they are most of a kernel's modules.
    left_out=
    for folder in drivers/net drivers/gpu drivers/media drivers/infiniband drivers/staging drivers/iio drivers/usb drivers/bluetooth sound net; do
      left_out="$left_out --exclude=modules/kernel/$folder"
    done
    # The host's tar: that of busybox leaves nothing out.
    /sbin/tar -cf "$outbox" $left_out -C /stage $(ls /stage) || say "outbox full"
    sync
  fi
fi
say "done"
poweroff -f
