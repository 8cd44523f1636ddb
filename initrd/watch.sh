# The supervisor: reboots the machine when the capture program cannot, and feeds the hardware watchdogs while it makes
# progress. early.sh sources this in a process of its own, which runs from before the capture program until the reboot.
#
# It is a shell and not a thread of the program, so that it survives whatever happens to Node: no memory, a deadlock, or
# its only thread held in a system call by a disk that hangs or by the kernel itself (state D). It takes 1 MB. Once it
# runs it must not wait for anything that can hang: it starts no process, opens nothing on a disk, reads nothing of the
# stuck process (/proc/1/cmdline and maps wait for a lock that the process may hold), and writes to /dev/kmsg, which a
# stopped terminal cannot block. Where even this shell is stuck, the watchdogs are not fed and reset the machine.
#
# $progress is one line that the program overwrites (capture/init/heartbeat.ts): a counter that changes with progress, for
# how many seconds it may stand still (0: without limit), the uptime in seconds by which everything must be over (0: no
# limit), the sysrq key that ends a stuck capture, a counter of the program's lines on the console, and the phase.
echo -1000 > /proc/self/oom_score_adj
exec 8<> $pause_fifo # nobody writes to it, so a read with a timeout sleeps without a process

pause() { read -r -t "$1" _ <&8; }

# Linux Documentation/admin-guide/sysrq.rst. None of these waits for what is stuck: sync and remount are only queued, and b
# reboots without them. A power-off gets time to stop its devices before the machine is rebooted instead.
force() {
  [ "$key" = o ] && how='powering off' || how=rebooting
  echo "<0>kdumpling: watch: $1; $how by sysrq" > /dev/kmsg
  echo 7 > /proc/sysrq-trigger # the stacks below are for the console, whatever was kept off it before
  echo w > /proc/sysrq-trigger # stacks of the tasks in state D
  pause 2
  echo s > /proc/sysrq-trigger # sync
  pause 2
  echo u > /proc/sysrq-trigger # remount read-only
  pause 2
  echo "$key" > /proc/sysrq-trigger
  [ "$key" = b ] || pause 20
  echo b > /proc/sysrq-trigger
  pause 2
  # A kernel without sysrq. -n: the sync of reboot(8) would wait for a stuck disk. If this fails as well, the watchdogs,
  # which are not fed any more, reset the machine.
  "${bb:?}" reboot -nf &
  while :; do pause 60; done
}

# How many pages the kernel has read again because it had dropped them for lack of memory, into $refaults: those of files, and the
# program's own, which it had compressed (early.sh).
count_refaults() {
  refaults=0
  while read -r name count; do
    case $name in
      workingset_refault_file) refaults=$count ;;
      pswpin)
        refaults=$((refaults + count))
        return
        ;;
    esac
  done < /proc/vmstat
}

# How often the kernel looked for pages to free, less the pages that it found so, into $vain. Where it finds none, it ends the
# capture as a rule. Inside a file system it cannot, and looks for ever (Linux mm/page_alloc.c, __alloc_pages_may_oom).
count_vain_searches() {
  vain=0
  while read -r name count; do
    case $name in
      allocstall_*) vain=$((vain + count)) ;;
      pgsteal_direct) vain=$((vain - count)) ;;
    esac
  done < /proc/vmstat
}

# What the kernel has for a program that asks for memory, into $available_mib: whoever reads why the machine was rebooted sees
# whether it was for lack of it.
read_available() {
  while read -r name kib _; do
    [ "$name" = MemAvailable: ] && break
  done < /proc/meminfo
  available_mib=$((${kib:-0} / 1024))
}

last= since=0 before=0 vain_before= named= entered=0 shown= said=0
while :; do
  read -r counter patience end key lines phase < $progress
  read -r now _ < /proc/uptime
  now=${now%.*}
  count_refaults
  [ "$counter $phase" = "$last" ] || { last="$counter $phase" since=$now before=$refaults vain_before=; }
  # Whoever looks at the console sees within a minute that the machine is at work, whatever the program does, and however many
  # phases it goes through without a word. Level 1, because a kernel's console may take nothing less urgent. In a shell
  # somebody types there.
  [ "$phase" = "$named" ] || { named=$phase entered=$now; }
  [ "$lines" = "$shown" ] || { shown=$lines said=$now; }
  if [ "$phase" != shell ] && [ $((now - said)) -ge $status_seconds ]; then
    echo "<1>kdumpling: watch: in the phase $phase for $((now - entered)) s, last progress $((now - since)) s ago" > /dev/kmsg
    said=$now
  fi
  if [ $patience -gt 0 ] && [ $((now - since)) -ge $patience ]; then
    read_available
    force "NOT finished: stuck in the phase $phase, no progress for $patience s, $available_mib MiB of memory available"
  fi
  # A kernel without memory to spare drops the program's code and reads it back, in the worst case for ever. It is counted
  # in pages between two beats and not in seconds, so that it does not depend on the machine's speed.
  if [ $patience -gt 0 ] && [ $((refaults - before)) -ge $most_refaults ]; then
    force "NOT finished: too little memory: code is read again and again without progress, $((refaults - before)) pages in the phase $phase"
  fi
  # In searches, for the same reason. They are counted once the program stands still: all of vmstat is much to read for a shell.
  if [ $patience -gt 0 ] && [ $now -gt $since ]; then
    count_vain_searches
    : ${vain_before:=$vain}
    if [ $((vain - vain_before)) -ge $most_vain_searches ]; then
      force "NOT finished: too little memory: none can be freed, $((vain - vain_before)) tries without progress in the phase $phase"
    fi
  fi
  if [ $end -gt 0 ] && [ $now -ge $end ]; then
    force "NOT finished after $now s, in the phase $phase"
  fi
  for watchdog in $watchdogs; do
    if [ $phase = halt ]; then
      echo -n V >&$watchdog # disarms it: a machine that is to stay halted must not be reset
      eval "exec $watchdog>&-"
    else
      echo >&$watchdog
    fi
  done
  [ $phase != halt ] || watchdogs=
  pause 1
done
