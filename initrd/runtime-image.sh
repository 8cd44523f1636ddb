# Sourced by start-node.sh: mounts the runtime image. That is a file that the kernel unpacked from the initrd, a part of the initrd
# itself, which the kernel keeps (kept-image.ts), or a file on the machine's own disk (runtime-disk.sh).
case $runtime_file in
  /sys/*) hint="; the crash kernel's command line needs retain_initrd" ;;
  /disk/*) hint='; is the package installed on that disk?' ;;
  *) hint= ;;
esac
[ -e "$runtime_file" ] || give_up "there is no $runtime_file$hint"
$bb losetup -r -o "$runtime_offset" /dev/loop0 "$runtime_file" || give_up "cannot attach the runtime image to a loop device"
# A sysfs file gives no more than a page of the kernel's at once, and since Linux 6.15 a loop device asks anew for the rest of
# each request (drivers/block/loop.c, lo_complete_rq). The least that the kernel takes here is its page.
case $runtime_file in /sys/*)
  for kib in 4 16 64; do ( echo $kib > /sys/block/loop0/queue/max_sectors_kb ) 2> /dev/null && break; done
esac
# A page of Node that is touched brings its block of the image with it; reading ahead would bring the next one, too.
$bb blockdev --setra 0 /dev/loop0 2> /dev/null
$bb mount -t squashfs -o ro /dev/loop0 /runtime || give_up "cannot mount the runtime image; is it whole?"
