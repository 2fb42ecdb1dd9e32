"""Stands in for nginx and httpd: serves a welcome page on port 80, IPv4 and IPv6, and logs each request.

Runs as a single file with the standard library's smallest modules (`python -IS`), because every instance
pays for it. Understands `-p PORT` and ignores other arguments, so that `nginx -g 'daemon off;'` works.
Serves files below the document root when there are any, a welcome page for `/` otherwise, and 404 for the
rest.
"""

# ruff: noqa: PTH112, PTH113, PTH118, PTH119, PTH123
# Not pathlib: it would double the start-up time of a program that is started in every instance.

import os
import selectors
import signal
import socket
import sys
import time

NAME = os.path.basename(sys.argv[0])
ROOTS = ("/usr/share/nginx/html", "/usr/local/apache2/htdocs", "/var/www/html")
LARGEST_REQUEST = 65536
PAGE = f"""<!DOCTYPE html>
<html><head><title>Welcome to {NAME}!</title></head><body><h1>Welcome to {NAME}!</h1></body></html>
"""


def listen(port: int) -> socket.socket:
    """Dual stack where the machine has IPv6."""
    try:
        sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = "::"
    except OSError:
        sock = socket.socket(socket.AF_INET)
        address = "0.0.0.0"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(128)
    sock.setblocking(False)
    return sock


def find(path: str) -> "bytes | None":
    """The file for a request path, the welcome page for `/`, or None."""
    relative = os.path.normpath("/" + path.split("?", maxsplit=1)[0]).lstrip("/")
    for root in ROOTS:
        place = os.path.join(root, relative)
        if os.path.isdir(place):
            place = os.path.join(place, "index.html")
        if os.path.isfile(place):
            with open(place, "rb") as file:
                return file.read()
    return PAGE.encode() if relative in ("", "index.html") else None


def answer(head: bytes, peer: str) -> "tuple[bytes, bool]":
    """The response, and whether the connection stays open."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3:
        return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False
    method, path, version = parts
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip().lower() for line in lines[1:]}
    keep = headers.get("connection") != "close" and version == "HTTP/1.1"
    if method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", b"405\n"
    else:
        found = find(path)
        status, body = ("404 Not Found", b"404\n") if found is None else ("200 OK", found)
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    agent = headers.get("user-agent", "-")
    print(f'{peer} - - [{stamp}] "{lines[0]}" {status[:3]} {len(body)} "-" "{agent}"', flush=True)
    reply = (
        f"HTTP/1.1 {status}\r\nServer: {NAME}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    ).encode()
    return reply + (b"" if method == "HEAD" else body), keep


def serve(port: int) -> None:
    """One thread, many connections."""
    listener = listen(port)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    buffers: dict[socket.socket, bytes] = {}

    def drop(connection: socket.socket) -> None:
        selector.unregister(connection)
        buffers.pop(connection, None)
        connection.close()

    print(f"{NAME}: a stand-in of the SaladCloud simulator, serving on port {port}", flush=True)
    while True:
        for key, _ in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if sock is listener:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    continue
                connection.settimeout(5)
                buffers[connection] = b""
                selector.register(connection, selectors.EVENT_READ)
                continue
            try:
                data = sock.recv(65536)
                buffers[sock] += data
                if not data or len(buffers[sock]) > LARGEST_REQUEST:
                    drop(sock)
                    continue
                while b"\r\n\r\n" in buffers[sock]:
                    head, _, buffers[sock] = buffers[sock].partition(b"\r\n\r\n")
                    reply, keep = answer(head, sock.getpeername()[0].removeprefix("::ffff:"))
                    sock.sendall(reply)
                    if not keep:
                        drop(sock)
                        break
            except OSError:
                if sock in buffers:
                    drop(sock)


if __name__ == "__main__":
    # As PID 1 a program without a handler would not even see SIGTERM and SIGINT.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda *_: os._exit(0))
    serve(int(sys.argv[sys.argv.index("-p") + 1]) if "-p" in sys.argv else 80)
