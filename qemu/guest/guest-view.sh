# What this machine's own kernel says of it just before it crashes, on the console: "lab: view FILE LINE". The lab compares
# it with what the dump's memory says. From "begin" on, the shell reads every file itself: a command would be one more task,
# and its memory would come and go.

# Something of each kind to find: mounts with odd names and over each other, open files of every type, tasks in every state.
mkdir -p "/fill/a mount" /fill/bound
mount -t tmpfs -o ro,size=1m "a device" "/fill/a mount"
mount --bind /disk/boot /fill/bound
mount -t tmpfs over /fill/bound
mkfifo /fill/fifo
(
  cd /disk/boot
  exec sleep 100001 4< "/disk/boot/vmlinuz-$kver" 5>> /fill/gone 6<> /fill/fifo 7< /dev/zero 8< /proc/meminfo 9< "/fill/a mount"
) &
sleep 100002 &
kill -STOP $!
sleep 100003 | sleep 100004 &
(sleep 0 & exec sleep 100005) &
nc -l -p 7 &
echo 2 > /proc/sys/vm/nr_hugepages
sleep 1
rm /fill/gone
ls -ld /proc/[0-9]*/fd/* /proc/[0-9]*/cwd /proc/[0-9]*/root > /fill/links 2> /dev/null
sync
# The kernel's lines would cut through those of the view. They are in its log.
read -r view_level _ < /proc/sys/kernel/printk
echo 1 > /proc/sys/kernel/printk

view() {
  while IFS= read -r line; do echo "lab: view $1 $line"; done < "$2"
}
view_status() {
  while IFS= read -r line; do
    case $line in
      VmSize:* | VmRSS:* | *voluntary_ctxt_switches:*) echo "lab: view $1 $line" ;;
    esac
  done < "/proc/$1"
}

# Sets $lines to the lines that show a file.
view_gather() {
  lines=
  while IFS= read -r line; do lines="${lines}lab: view $1 $line
"; done < "$2"
}
# The machine's memory, read at once and then printed: what is printed takes memory, too. stat_refresh adds to the counters
# what the CPUs have counted by themselves (mm/vmstat.c).
view_memory() {
  echo 1 2> /dev/null > /proc/sys/vm/stat_refresh
  view_gather "$1buddyinfo" /proc/buddyinfo
  blocks=$lines
  view_gather "$1zoneinfo" /proc/zoneinfo
  zones=$lines
  # The shell's own memory grows and shrinks by what it reads.
  view_gather "$1shell/statm" /proc/$$/statm
  shell=$lines
  view_gather "$1meminfo" /proc/meminfo
  meminfo=$lines
  view_gather "$1slabinfo" /proc/slabinfo
  echo "$blocks$zones$shell$meminfo$lines"
  # As the last command below does.
  echo 1 > /proc/sys/kernel/printk
}

# More than a serial port's buffer holds (UART_XMIT_SIZE, a page of up to 16 KiB): what was printed before has left the machine
# when this returns. The kernel's own lines come on the console at once, and cut through what is still in the buffer.
view_drain() {
  i=0
  while [ $i -lt 200 ]; do
    echo "lab: these lines take the place of others in the buffer of the serial port: $i"
    i=$((i + 1))
  done
}

# What reading takes from the kernel for the first time is not what the second time finds.
view_memory warm/ > /dev/null
sleep 1

echo "lab: view begin"
view links /fill/links
view mounts /proc/mounts
view modules /proc/modules
# The counts of a task's switches come first: when they are the same in the dump, it has not run since.
for task in /proc/[0-9]*/task/[0-9]*; do
  task=${task#/proc/}
  view_status "$task/status"
  view "$task/stat" "/proc/$task/stat"
  view "$task/stack" "/proc/$task/stack"
done
# The line "sysrq: Show State" comes at any level.
view_drain
echo t > /proc/sysrq-trigger
# What moves between the first reading and the second is what may move between the second one and the crash.
view_memory before/
view_drain
view_memory
echo "lab: view end"
view_drain
echo "$view_level" > /proc/sys/kernel/printk
