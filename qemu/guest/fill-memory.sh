# Sourced by first-kernel.sh as its trigger: prepares the machine so that its memory can hold each kind of page, has
# fill-memory.js make them, and panics while they are there. Lines "lab: fill KIND …" say what there is.
fill() { say "fill $*"; }

mkdir -p /runtime /thp /var/crash
mount -t debugfs debugfs /sys/kernel/debug

# A module that this kernel lacks means a kind of page that it cannot have. virtio_mem leaves part of its last block
# unplugged: offline pages in the midst of online ones, and memory above 4 GiB.
memory=/sys/devices/system/memory
echo online_movable > "$memory/auto_online_blocks"
while read -r module; do
  insmod "/disk/lab/modules/$module" 2> /dev/null || fill "module $module refused"
done < /disk/lab/modules.list
sleep 2
# A block of it taken offline as an administrator would, while it is empty. (Boot memory has pages that do not move.)
for block in "$memory"/memory3?; do
  grep -q '^Movable' "$block/valid_zones" || continue
  echo offline 2> /dev/null > "$block/state" && fill "offline-block ${block##*/}" && break
done
fill "hot-added $(cat "$memory"/memory*/state | grep -c '^online') blocks"

if [ -e /sys/block/zram0/disksize ]; then
  # Small and first, so that both it and the file get pages.
  echo 8M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0 && fill "zram"
fi
dd if=/dev/zero of=/disk/lab/swap bs=1M count=64 2> /dev/null
mkswap /disk/lab/swap > /dev/null && swapon /disk/lab/swap && fill "swap-file"
mount -t tmpfs -o huge=always tmpfs /thp && dd if=/disk/lab/runtime.squashfs of=/thp/file bs=1M count=8 2> /dev/null

losetup -r /dev/loop0 /disk/lab/runtime.squashfs && mount -t squashfs -o ro /dev/loop0 /runtime ||
  give_up "cannot mount the runtime image"
loader=$(find /runtime -name 'ld-linux-*' | head -n 1)
export LAB_NODE="$loader --library-path $(dirname "$(find /runtime -name 'libc.so.6')") /runtime/bin/node"
# It stays: what it holds must be held when the kernel panics.
$LAB_NODE /disk/lab/fill-memory.js /tmp/filled &
for _ in $(seq 300); do [ -e /tmp/filled ] && break; sleep 1; done
[ -e /tmp/filled ] || give_up "fill-memory.js did not finish"

# Once more, now that there is memory which the first time was not there.
kexec -s -p "/disk/boot/vmlinuz-$kver" --initrd="/disk/boot/initramfs-${kver}kdump.img" \
  --command-line="$crash_command_line" || give_up "kexec refused the second time"
say "panic, filled"
echo c > /proc/sysrq-trigger
