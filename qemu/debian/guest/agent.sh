#!/bin/sh
# The lab's agent in the Debian guest: runs commands that arrive on a serial port of its own. A request is the line
# "<id> <command in base64>", its answer the line "lab-agent: <id> <exit code> <output in base64>".
. /etc/default/lab-agent
exec < "$port" > "$port" 2> /dev/null
stty raw -echo
echo "lab-agent: ready $(cat /proc/sys/kernel/random/boot_id)"
while read -r id command; do
  printf '%s' "$command" | base64 -d > /run/lab-command
  sh /run/lab-command > /run/lab-output 2>&1 < /dev/null
  echo "lab-agent: $id $? $(base64 -w0 /run/lab-output)"
done
