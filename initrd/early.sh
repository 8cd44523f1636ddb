#!/bin/busybox sh
# The early stage, which the kernel starts as PID 1. It mounts what everything needs, starts the supervisor (watch.sh), and
# becomes the capture program (start-node.sh).
bb=/bin/busybox
. /early-functions.sh

# Numbers and paths that initrd/image.ts wrote. Options on the kernel's command line are read and checked by the program,
# which then informs the supervisor.
. /etc/early.conf

[ -e /proc/meminfo ] || $bb mount -t proc proc /proc
while read -r name available_kib _ && [ "$name" != MemAvailable: ]; do :; done < /proc/meminfo
swaps=
[ -z "$swap_modules" ] || [ "${available_kib:-0}" -ge $compress_below_kib ] || swaps=yes

# Where memory is short, the compiler's work costs less than what it has left there.
if [ "${available_kib:-0}" -ge $code_caches_from_kib ]; then
  node_flags="$node_flags $roomy_flags"
else
  $bb rm -f $code_caches
fi

# The files of the initrd cannot be swapped (see below), those of a tmpfs can. This one is large, and little of it is used.
if [ "$swaps" ] && [ ! -L $bb ]; then
  $bb mkdir /swappable
  $bb mount -t tmpfs -o mode=755 tmpfs /swappable
  { $bb cp -p $bb /swappable && /swappable/busybox ln -sf /swappable/busybox $bb; } 2> /dev/null
  # So that nobody runs the first copy any more, and it is gone.
  [ ! -L $bb ] || exec $bb sh /init "$@"
fi

$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs devtmpfs /dev

$bb mkfifo $pause_fifo
echo "0 $patience $((deadline + grace)) b 0 start" > $progress
watchdogs=
( . /watch.sh ) 2> /dev/null &
unarmed=$!

# The words of the command line that are for modules, a line each: the name with underscores, then the parameter. The kernel
# cuts words at blanks outside of double quotes, up to -- (Linux lib/cmdline.c, next_arg).
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
# It may have begun with the latter, and wants 2 MiB more than its reserve since. When the reserve is set, even to what it is, it wants
# that alone (__setup_per_zone_wmarks). The shell's own read takes a byte at a time, and such a file gives one only once.
keep_free=/proc/sys/vm/min_free_kbytes
( kib=$($bb cat $keep_free) && echo "$kib" > $keep_free ) 2> /dev/null

# A driver that does not load may be for another disk (xen_blkfront outside of Xen): whether one is missing shows below.
for module in $modules; do load "$module" required; done

# Where memory is short, what was not used for a while goes into zram, compressed to half its size: into memory, and never to a
# disk. It comes back in less time than code does, of which a whole block of the runtime image is read and unpacked. So it goes
# first (200 is the most, since Linux 5.8), and comes back a page at a time. The supervisor counts it as it counts code.
compress_memory() {
  for module in $swap_modules; do load "$module"; done
  if echo $swap_bytes > /sys/block/zram0/disksize && $bb mkswap /dev/zram0 && $bb swapon /dev/zram0; then
    echo 200 > /proc/sys/vm/swappiness
    echo 0 > /proc/sys/vm/page-cluster
  else
    echo '<4>kdumpling: early: memory is not compressed' > /dev/kmsg
  fi
  $bb rm -f $swap_modules
} > /dev/null 2>&1
# Another CPU does it meanwhile: Node's start takes no more than there is.
if [ -z "$swaps" ]; then
  $bb rm -f $swap_modules
elif several_cpus; then
  compress_memory &
else
  compress_memory
fi

# What they hold is in the kernel now. As files it would be there twice.
$bb rm -f $watchdog_modules $softdog $modules
. /start-node.sh
