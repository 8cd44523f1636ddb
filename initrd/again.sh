# What a capture becomes that calls code which the image's Node lacks (build/node/door.ts): starts the capture again, with the
# whole Node, which the package has put on the target. The supervisor goes on, and so does what was saved before.
bb=/bin/busybox
# Node closes these when it becomes another program. The kernel gives its first program the console, where there is one.
exec < /dev/null > /dev/null 2>&1
( : > /dev/console ) && exec < /dev/console > /dev/console 2>&1
if [ $$ != 1 ]; then
  echo "<4>kdumpling: early: a helper process called a part of Node that the image lacks, and ends" > /dev/kmsg
  exit 70
fi
. /early-functions.sh
. /etc/early.conf
echo "<1>kdumpling: early: the capture called a part of Node that the image lacks; it starts again with the whole Node, from the disk" > /dev/kmsg

# What the program told the supervisor about the end holds; what is waited for now is what was waited for at the start.
read -r counter _ end key lines _ < $progress
echo "$((counter + 1)) $patience $end $key $lines start" > $progress

# Its helpers work on the same files. The supervisor has the lowest score of all, and a kernel thread has no program.
for process in /proc/[0-9]*; do
  pid=${process#/proc/} score=
  read -r score 2> /dev/null < "$process/oom_score_adj"
  [ "$pid" = 1 ] || [ "$score" = -1000 ] || [ ! -e "$process/exe" ] || kill -9 "$pid"
done

# Whoever was killed may hold a file for a moment.
leave() {
  tries=0
  while umount=$($bb awk -v top="$1" '$2 == top || index($2, top "/") == 1 { last = $2 } END { print last }' /proc/mounts) &&
    [ "$umount" ]; do
    $bb umount "$umount" 2> /dev/null && continue
    tries=$((tries + 1))
    [ $tries -lt 50 ] || { $bb umount -l "$umount" || return; }
    $bb sleep 0.2
  done
}
leave /target
leave /runtime
$bb losetup -d /dev/loop0

# The first start has removed its programs from memory once they were read.
for program in /capture.js /autopsy.js /dump-thread.js; do
  [ -e $program ] || $bb zcat $program.gz > $program
done
# Those that the program has loaded are refused.
for module in $target_modules; do [ ! -e "$module" ] || load "$module" required 2> /dev/null; done
runtime_file=$whole_runtime_file
runtime_offset=0
. /start-node.sh
