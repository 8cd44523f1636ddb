#!/bin/sh
# The lab's hand in the Debian guest: runs the commands that come in on the second serial port. A line in is
# "<id> <command in base64>", the line out "lab-agent: <id> <exit code> <output in base64>".
exec < /dev/ttyS1 > /dev/ttyS1 2> /dev/null
stty raw -echo
echo "lab-agent: ready $(cat /proc/sys/kernel/random/boot_id)"
while read -r id command; do
  printf '%s' "$command" | base64 -d > /run/lab-command
  sh /run/lab-command > /run/lab-output 2>&1 < /dev/null
  echo "lab-agent: $id $? $(base64 -w0 /run/lab-output)"
done
