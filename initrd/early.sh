#!/bin/busybox sh
# The early stage, which the kernel starts as PID 1. It mounts what everything needs, starts the supervisor (watch.sh),
# brings Node to /runtime (runtime-image.sh) and becomes the capture program by exec.
# Where it fails, it reboots; where even that fails, PID 1 dies and the kernel reboots by its panic= option.
bb=/bin/busybox

give_up() {
  echo "<0>kdumpling: early: NOT saved: $1; rebooting" > /dev/kmsg
  # -n: nothing was written, and a sync would wait for a disk that is stuck.
  $bb reboot -nf
  echo b > /proc/sysrq-trigger
}

# Loads a module with its parameters from the kernel's command line, as capture/init/modules.ts does with the other modules.
# With `required`, modprobe.blacklist= does not keep it from being loaded: in modprobe(8), too, that word is about drivers
# that are loaded for a device, and not about modules that are loaded by name.
load() {
  file=$1 name=${1##*/} required=$2 ifs=$IFS
  IFS=-; set -- ${name%.ko}; IFS=_; name="$*"; IFS=$ifs; set --
  while read -r owner parameter; do
    case $owner in
      "$name") set -- "$@" "$parameter" ;;
      modprobe.blacklist)
        [ "$required" ] || case ,$parameter, in *,"$name",*)
          echo "<4>kdumpling: early: $name is not loaded: modprobe.blacklist= names it" > /dev/kmsg
          return
        esac ;;
    esac
  done < $module_words
  $bb insmod "$file" "$@"
}

$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev

# Numbers and paths that initrd/image.ts wrote. Options on the kernel's command line are read and checked by the program,
# which then informs the supervisor.
. /etc/early.conf

$bb mkfifo $pause_fifo
echo "0 $patience $((deadline + grace)) b 0 start" > $progress
watchdogs=
( . /watch.sh ) 2> /dev/null &
unarmed=$!

# The words of the command line that are for modules, a line each: the name with underscores, then the parameter. The kernel
# cuts words at blanks outside of double quotes, up to -- (Linux lib/cmdline.c, next_arg).
module_words=/run/module-words
$bb awk '
  function take(word,    quote, at, name, rest) {
    quote = sub(/^"/, "", word) ? "\"" : ""
    if (word ~ /^modprobe\.blacklist=/) {
      rest = substr(word, 20)
      gsub(/"/, "", rest); gsub(/-/, "_", rest)
      print "modprobe.blacklist " rest
    } else if (match(word, /^[A-Za-z0-9_-]+\../)) {
      at = index(word, ".")
      name = substr(word, 1, at - 1)
      gsub(/-/, "_", name)
      print name " " quote substr(word, at + 1)
    }
  }
  {
    word = ""; quoted = 0
    for (i = 1; i <= length($0) + 1; i++) {
      c = substr($0, i, 1)
      if (c == "\"") quoted = !quoted
      if (c != "" && (quoted || c !~ /[ \t]/)) { word = word c; continue }
      if (word == "--") exit
      take(word)
      word = ""
    }
  }' /proc/cmdline > $module_words

# Hardware watchdogs: the first kernel may have left any of them running, and not every one that is there resets the machine.
# Where there is none, the kernel's own, driven by a timer interrupt.
for module in $watchdog_modules; do load "$module" 2> /dev/null; done
[ -c /dev/watchdog0 ] || [ -z "$softdog" ] || load "$softdog" 2> /dev/null
# The descriptors are for the supervisor. The program sets the timeouts and closes its own copies (capture/init/watchdog.ts).
# This shell has descriptors of one digit only, and watch.sh uses 8.
set -- 9 7 6 5
for device in /dev/watchdog[0-3]; do
  [ -c "$device" ] && eval "command exec $1> $device" && watchdogs="$watchdogs $1" && shift
done
if [ -n "$watchdogs" ]; then
  ( . /watch.sh ) 2> /dev/null &
  kill -9 $unarmed
  wait $unarmed 2> /dev/null
fi

# Multi-gen LRU keeps the program's code in memory better than the two lists do (Linux v6.1,
# Documentation/admin-guide/mm/multigen_lru.rst). Its min_ttl_ms stays 0: that is a wall time, within which a fast machine
# touches so many pages that the kernel panics with memory to spare. The supervisor ends a capture that thrashes.
lru=/sys/kernel/mm/lru_gen/enabled
[ -w $lru ] && echo y > $lru

# Free pages that the kernel keeps at hand for a CPU, up to an eighth of all memory since Linux 6.7, and those that it frees ahead
# of need when kinds of pages mix (mm/page_alloc.c, zone_highsize and boost_watermark): the program's code needs them more.
( echo 1000 > /proc/sys/vm/percpu_pagelist_high_fraction ) 2> /dev/null
( echo 0 > /proc/sys/vm/watermark_boost_factor ) 2> /dev/null

# A driver that does not load may be for another disk (xen_blkfront outside of Xen): whether one is missing shows below.
for module in $modules; do load "$module" required; done
# What they hold is in the kernel now. As files it would be there twice.
$bb rm -f $watchdog_modules $softdog $modules
[ ! -e /runtime-disk.sh ] || . /runtime-disk.sh
. /runtime-image.sh
for file in $node; do [ -x "$file" ] || give_up "there is no $file"; done
vmcore_bytes=$($bb stat -c %s /proc/vmcore 2> /dev/null)
[ "${vmcore_bytes:-0}" -ge "$small_crash_bytes" ] || node_flags="$node_flags $small_crash_flags"
export NODE_DISABLE_COLORS=1
# mallopt(3), M_MMAP_THRESHOLD: without it, what is freed in larger pieces raises the size from which a piece is given back when it is
# freed, and 1 MB of the compiler's stays with the program.
export MALLOC_MMAP_THRESHOLD_=65536
exec $node $node_flags /capture.js
