"""SSH to instances: connections that are shared, commands and connections to ports over them.

- `address`: where an instance's SSH server is, and whom to trust there.
- `errors`: what can go wrong, sorted by whom it concerns.
- `private_key`: the key that opens instances, as read from a file.
- `connection`: one connection of asyncssh's; nothing outside this room knows asyncssh.
- `terminal`, `process`, `tunnel`: a command, and a connection to a port, as streams with back-pressure.
- `shared_attempts`, `pool`: who uses which connection, and how long it is kept.

It knows nothing of Kubernetes, and of the REST API only the instance object.
"""
