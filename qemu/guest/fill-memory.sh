# Sourced by first-kernel.sh as its trigger: prepares the machine so that its memory can hold each kind of page, has
# fill-memory.js make them, and panics while they are there. Lines "lab: fill KIND …" say what there is.
mkdir -p /thp /var/crash
mount -t debugfs debugfs /sys/kernel/debug

# A module that this kernel lacks means a kind of page that it cannot have. virtio_mem leaves part of its last block
# unplugged: offline pages in the midst of online ones, and memory above 4 GiB.
memory=/sys/devices/system/memory
echo online_movable > "$memory/auto_online_blocks"
. /disk/lab/runtime.sh
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

# It stays: what it holds must be held when the kernel panics.
$LAB_NODE /disk/lab/fill-memory.js /tmp/filled &
await 300 /tmp/filled

# Once more, now that there is memory which the first time was not there.
arm_again
