# The lean layout, as early.sh reads it: Node is on the machine's own disk, and /runtime a link into it.
waited=0
until disk=$($bb findfs "$runtime_device" 2> /dev/null) && [ -b "$disk" ]; do
  [ $waited -lt $((runtime_timeout * 5)) ] || come_home "cannot find the runtime's disk $runtime_device"
  $bb sleep 0.2
  waited=$((waited + 1))
done
# Read-write, as the dump's own mount will be: the kernel mounts a file system one way at a time. capture/init/shut-down.ts
# makes it read-only at the end.
$bb mount -t "$runtime_fstype" -o rw,nosuid,nodev,noatime "$disk" /disk ||
  come_home "cannot mount the runtime's disk $disk"
