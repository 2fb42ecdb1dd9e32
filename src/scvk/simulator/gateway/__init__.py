"""The container gateway: HTTP and HTTPS on one port, passed to the instances of the group in the Host header.

- `server`: listens, takes TLS or not, from the first byte of a connection.
- `proxy`: one client connection: requests in, answers out, streaming both ways, WebSockets.
- `routing`: which group, whether the caller may, which instance, and waiting for a free one.
- `upstream`: the connection to the program in its own network.
- `exchange`: HTTP/1.1 on one connection, events in and out.
- `pages`: what is shown when there is no answer to pass on.
- `certificates`: the gateway's own authority and certificate.
"""
