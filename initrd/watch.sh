# The supervisor: brings the machine home when the capture program cannot, and feeds the hardware watchdogs while it can.
# early.sh sources this in a process of its own, which is there from before the capture program to the reboot.
#
# A shell, and not a thread of the program: it outlives whatever happens to Node (no memory, a deadlock, its only thread
# held in a system call by a disk that hangs), and needs 1 MB. Once it runs it makes no process, opens nothing on a disk,
# and speaks by /dev/kmsg, which a terminal that was stopped cannot hold up.
#
# $progress is one line that the program writes (capture/init/heartbeat.ts): a counter that moves when bytes move, for how
# many seconds it may stand still (0: for ever), when all must be over in seconds of uptime (0: never), the sysrq key that
# goes home, and the phase.
echo -1000 > /proc/self/oom_score_adj
exec 8<> $pause_fifo # nobody writes there: to read from it with a time limit is to sleep without a process

pause() { read -r -t "$1" _ <&8; }

bring_home() {
  echo "<0>kdumpling: watch: $1; going home by sysrq" > /dev/kmsg
  # The kernel's stacks of what is blocked, onto the console; then sync and remount read-only, which need not come back.
  for key in w s u "$home" b; do
    echo $key > /proc/sysrq-trigger
    pause 2
  done
  # The watchdogs are not fed any more.
  while :; do pause 60; done
}

last= since=0
while :; do
  read -r counter patience end home phase < $progress
  read -r now _ < /proc/uptime
  now=${now%.*}
  [ "$counter $phase" = "$last" ] || { last="$counter $phase" since=$now; }
  if [ $patience -gt 0 ] && [ $((now - since)) -ge $patience ]; then
    bring_home "NOT finished: stuck in the phase $phase, where nothing moved for $patience s"
  fi
  if [ $end -gt 0 ] && [ $now -ge $end ]; then
    bring_home "NOT finished after $now s, in the phase $phase"
  fi
  for watchdog in $watchdogs; do
    if [ $phase = halt ]; then
      echo -n V >&$watchdog # the letter that disarms: a machine that is to stay halted must not be reset
      eval "exec $watchdog>&-"
    else
      echo >&$watchdog
    fi
  done
  [ $phase != halt ] || watchdogs=
  pause 1
done
