# Sourced by the scripts that fill memory: loads modules, and Node from its image. Modules that do not load are reported.
fill() { say "fill $*"; }

while read -r module; do
  insmod "/disk/lab/modules/$module" 2> /dev/null || fill "module $module refused"
done < /disk/lab/modules.list
mkdir -p /runtime
losetup -r /dev/loop0 /disk/lab/runtime.squashfs && mount -t squashfs -o ro /dev/loop0 /runtime ||
  give_up "cannot mount the runtime image"
loader=$(find /runtime -name 'ld-linux-*' | head -n 1)
export LAB_NODE="$loader --library-path $(dirname "$(find /runtime -name 'libc.so.6')") /runtime/lib/node"

# await SECONDS FILE: waits until the file exists.
await() { for _ in $(seq "$1"); do [ -e "$2" ] && return; sleep 1; done; give_up "$2 was not made"; }

# Loads the crash kernel again: memory was added since the first time, and the dump must cover it.
arm_again() {
  kexec -s -p "/disk/boot/vmlinuz-$kver" --initrd="/disk/boot/initramfs-${kver}kdump.img" \
    --command-line="$crash_command_line" || give_up "kexec refused the second time"
  say "panic, filled"
}
