# Sourced by first-kernel.sh before the trigger: prepares the machine for each kind of page and runs fill-memory.js, which
# creates and holds them. Lines "lab: fill KIND …" say what memory holds.
mkdir -p /thp /var/crash
mount -t debugfs debugfs /sys/kernel/debug

# Without a module there are no pages of its kind. virtio_mem leaves part of its last block unplugged: offline pages among
# online ones, above 4 GiB.
memory=/sys/devices/system/memory
echo online_movable > "$memory/auto_online_blocks"
. /disk/lab/runtime.sh
sleep 2
# Takes an empty block of it offline, as an administrator would. (Boot memory has pages that cannot move.)
for block in "$memory"/memory3?; do
  grep -q '^Movable' "$block/valid_zones" || continue
  echo offline 2> /dev/null > "$block/state" && fill "offline-block ${block##*/}" && break
done
fill "hot-added $(cat "$memory"/memory*/state | grep -c '^online') blocks"

if [ -e /sys/block/zram0/disksize ]; then
  # Small, and enabled first, so that both it and the swap file get pages.
  echo 8M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0 && fill "zram"
fi
dd if=/dev/zero of=/disk/lab/swap bs=1M count=64 2> /dev/null
mkswap /disk/lab/swap > /dev/null && swapon /disk/lab/swap && fill "swap-file"
mount -t tmpfs -o huge=always tmpfs /thp && dd if=/disk/lab/runtime.squashfs of=/thp/file bs=1M count=8 2> /dev/null

# It must run until the kernel panics, since it holds the pages.
$LAB_NODE /disk/lab/fill-memory.js /tmp/filled &
await 300 /tmp/filled

# The crash kernel must know the memory that was added above.
arm_again
