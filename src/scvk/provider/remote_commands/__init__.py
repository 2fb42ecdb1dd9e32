"""Commands beside a pod's program, and connections to its ports, over the SSH of its instance.

An SSH session is root's login: it has neither the program's variables nor its directory or user. So each connection
looks at the program once (`looking`, `program`), and each command begins with a small script (`beginning`) that goes
where the program is and becomes who it is.

- `shell`: any bytes as words of a shell.
- `looking`, `program`: what is asked of a running program, and what the answer says.
- `beginning`, `first_line`: the script before a command, and the line by which it says how it went.
- `ending`: the end of commands whose client has gone.
- `instances`: from a pod to its instance.
- `runner`, `ports`: the kubelet's `CommandRunner` and `PortForwarder`.
"""
