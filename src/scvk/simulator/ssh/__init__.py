"""SSH into a running instance: a server of its own for each, sessions as processes inside it.

- `door`: the server of one instance, its port, its host key and who may in.
- `session`: one session channel: command, shell or SFTP, with or without a terminal.
- `pumps`: bytes between a channel and descriptors, with back-pressure both ways.
- `terminal_modes`: what a client asks of its terminal, as termios settings.
- `forwarding`: connections into the instance's network.
"""
