# Prints who uses apt or dpkg now: process id and command, one a line; nothing when the package system is free.
find /proc/[0-9]*/fd -lname /var/lib/dpkg/lock-frontend -o -lname /var/lib/dpkg/lock -o -lname /var/lib/apt/lists/lock 2>/dev/null |
  cut -d/ -f3 | sort -u | while read -r pid; do echo "$pid $(tr '\000' ' ' <"/proc/$pid/cmdline")"; done
exit 0
