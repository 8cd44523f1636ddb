# Sourced by early.sh for the self-contained layout: Node is in a compressed image in the initrd.
$bb losetup -r /dev/loop0 /runtime.squashfs || come_home "cannot attach the runtime image to a loop device"
$bb mount -t squashfs -o ro /dev/loop0 /runtime || come_home "cannot mount the runtime image; is it whole?"
