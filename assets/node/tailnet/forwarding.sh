# Lets the running kernel forward packets again. What holds at the next boot is the file that the step Prepare has written.
# not kept: the running kernel forgets it at the next boot
set -eu
sysctl -w net.ipv4.ip_forward=1
