#!/bin/busybox sh
# /init of a machine of another architecture: fills memory with pages of each kind that it can make without a disk, and
# panics. QEMU then saves its memory. Lines "lab: fill KIND …" say what memory holds.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tmpfs tmpfs /tmp

for module in /modules/*.ko; do
  insmod "$module" && echo "lab: fill module ${module##*/}"
done
dd if=/dev/urandom of=/tmp/cached bs=1M count=24 2> /dev/null && echo "lab: fill cache 24 MiB"
awk 'BEGIN { text = sprintf("%16000000s", "x"); system("sleep 100000") }' &
echo "lab: fill user 16 MB"
sleep 100000 &
cat /dev/zero | sleep 100000 &
echo 4 > /proc/sys/vm/nr_hugepages && echo "lab: fill hugepages $(cat /proc/sys/vm/nr_hugepages)"
# A page in the upper part of memory, which is free on a machine that has just booted.
poison=/sys/kernel/debug/hwpoison/corrupt-pfn
[ -e "$poison" ] && echo "$POISON_PFN" > "$poison" && echo "lab: fill hwpoison pfn $POISON_PFN"
sleep 3
echo "lab: panic now"
echo c > /proc/sysrq-trigger
