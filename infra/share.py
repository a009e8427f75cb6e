"""What shell commands on a host need to look at the share."""

# `there -d PATH`: an NFS client may remember for a minute what was there. A listing makes it ask the server.
THERE = 'there() { ls -f "$(dirname "$2")" >/dev/null 2>&1 || true; test "$1" "$2"; }\n'
