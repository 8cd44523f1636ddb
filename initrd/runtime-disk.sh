# Sourced by start-node.sh where the runtime image is a file on the machine's own disk: mounts that at /disk.
waited=0
until disk=$($bb findfs "$runtime_device" 2> /dev/null) && [ -b "$disk" ]; do
  [ $waited -lt $((runtime_timeout * 5)) ] || give_up "cannot find the runtime's disk $runtime_device"
  $bb sleep 0.2
  waited=$((waited + 1))
done
# In sectors: 32 KiB, where the kernel would read 128 around what is asked for. Of that most is never used, and where memory is
# short it takes the place of what is. Whoever reads in larger pieces, as the dump is, is not slowed down.
$bb blockdev --setra 64 "$disk" 2> /dev/null
# Read-write like the dump's own mount later, because the kernel mounts a file system in one mode only. At the end
# capture/init/shut-down.ts makes it read-only.
$bb mount -t "$runtime_fstype" -o rw,nosuid,nodev,noatime "$disk" /disk ||
  give_up "cannot mount the runtime's disk $disk"
# Of another package, which may have another Node or no FFI. Its superblock has the sizes of all that is in it (Linux
# fs/squashfs/squashfs_fs.h). Where there is none, runtime-image.sh says so.
[ ! -e "$runtime_file" ] || [ "$($bb head -c 96 "$runtime_file" | $bb sha256sum)" = "$disk_runtime  -" ] ||
  echo "<4>kdumpling: early: the runtime image on the disk is not the one that this initrd was built with; run kdumpling load after the reboot" > /dev/kmsg
