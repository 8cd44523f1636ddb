# Sourced by early.sh for the self-contained layout: Node is in a compressed image in the initrd.
$bb losetup -r /dev/loop0 /runtime.squashfs || give_up "cannot attach the runtime image to a loop device"
# A page of Node that is touched brings its block of the image with it; reading ahead would bring the next one, too.
$bb blockdev --setra 0 /dev/loop0 2> /dev/null
$bb mount -t squashfs -o ro /dev/loop0 /runtime || give_up "cannot mount the runtime image; is it whole?"
