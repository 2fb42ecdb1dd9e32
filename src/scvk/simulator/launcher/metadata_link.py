"""The network between an instance and its metadata service: a pair of virtual Ethernet devices.

The service listens in a network namespace of its own and not on the instance's loopback: a socket on
169.254.169.254 port 80 there would keep the instance's program from listening on port 80 of all addresses,
because the kernel lets no two sockets listen on overlapping ones. The listening socket is all that keeps
that namespace alive; when it is closed, the namespace and the pair of devices are gone.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from scvk.simulator.launcher import kernel

ADDRESS = "169.254.169.254"
PORT = 80
_INSTANCE_ADDRESS = "169.254.169.253"
_PREFIX_LENGTH = 30  # these two, their network and its broadcast address
_SERVICE_DEVICE = "service0"
INSTANCE_DEVICE = "imds0"
_BACKLOG = 128
_IP_FREEBIND = 15  # <linux/in.h>; Python has no name for it
# <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>, <linux/veth.h>, <linux/netlink.h>
_RTM_NEWLINK, _RTM_NEWADDR = 16, 20
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 3, 18, 26, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_IFLA_INET6_ADDR_GEN_MODE = 8
_NO_ADDRESS_OF_ITS_OWN = 1
_VETH_INFO_PEER = 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFF_UP = 0x1
_NLMSG_ERROR = 2


def listen_apart() -> tuple[socket.socket, int]:
    """In a new network namespace, which this process enters: the listening socket and the namespace.

    The address does not exist there before `connect`. The caller returns to its own namespace, also when
    this raises OSError.
    """
    kernel.unshare(kernel.CLONE_NEWNET)
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        listener.bind((ADDRESS, PORT))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        os.close(namespace)
        raise
    return listener, namespace


def connect(service_namespace: int) -> None:
    """Lay the pair between that namespace and the current one, to which this process returns.

    Raises OSError, with EOPNOTSUPP where the kernel has no such devices.
    """
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    kernel.setns(service_namespace, kernel.CLONE_NEWNET)
    try:
        _make_pair(own)
        _bring_up(_SERVICE_DEVICE, ADDRESS)
    finally:
        kernel.setns(own, kernel.CLONE_NEWNET)
        os.close(own)
    _bring_up(INSTANCE_DEVICE, _INSTANCE_ADDRESS)


def _make_pair(peer_namespace: int) -> None:
    header = struct.pack("BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)
    peer = (
        header
        + _attribute(_IFLA_IFNAME, INSTANCE_DEVICE.encode() + b"\0")
        + _attribute(_IFLA_NET_NS_FD, struct.pack("i", peer_namespace))
    )
    kind = _attribute(_IFLA_INFO_KIND, b"veth") + _attribute(_IFLA_INFO_DATA, _attribute(_VETH_INFO_PEER, peer))
    wanted = _attribute(_IFLA_IFNAME, _SERVICE_DEVICE.encode() + b"\0")
    _ask(_RTM_NEWLINK, _CREATE | _EXCLUSIVE, header + wanted + _attribute(_IFLA_LINKINFO, kind))


def _bring_up(device: str, address: str) -> None:
    index = socket.if_nametoindex(device)
    packed = socket.inet_aton(address)
    link = struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)
    # No IPv6 address of the link's: a name like localhost must not lead programs to another network.
    mode = _attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes([_NO_ADDRESS_OF_ITS_OWN]))
    try:
        _ask(_RTM_NEWLINK, 0, link + _attribute(_IFLA_AF_SPEC, _attribute(socket.AF_INET6, mode)))
    except OSError:
        pass  # a machine without IPv6
    header = struct.pack("BBBBI", socket.AF_INET, _PREFIX_LENGTH, 0, 0, index)
    addresses = _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed)
    _ask(_RTM_NEWADDR, _CREATE | _EXCLUSIVE, header + addresses)
    _ask(_RTM_NEWLINK, 0, struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP))


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("HH", length, kind) + value + bytes(-length % 4)


def _ask(kind: int, flags: int, body: bytes) -> None:
    """One request over rtnetlink in the current namespace. Raises OSError with what the kernel answers."""
    message = struct.pack("IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.sendto(message, (0, 0))
        answer = sock.recv(65536)
    (answered,) = struct.unpack_from("H", answer, 4)
    (number,) = struct.unpack_from("i", answer, 16)
    if answered != _NLMSG_ERROR:
        raise OSError(errno.EPROTO, "rtnetlink gave no acknowledgement")
    if number != 0:
        raise OSError(-number, os.strerror(-number))
