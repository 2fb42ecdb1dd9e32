"""What a client asks of its terminal (RFC 4254, section 8) as settings of a pseudo-terminal."""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Mapping

# Opcode: name in termios. Those that this platform does not have are left out below.
_CHARACTERS = {
    1: "VINTR", 2: "VQUIT", 3: "VERASE", 4: "VKILL", 5: "VEOF", 6: "VEOL", 7: "VEOL2", 8: "VSTART", 9: "VSTOP",
    10: "VSUSP", 12: "VREPRINT", 13: "VWERASE", 14: "VLNEXT", 18: "VDISCARD",
}  # fmt: skip
_INPUT = {
    30: "IGNPAR", 31: "PARMRK", 32: "INPCK", 33: "ISTRIP", 34: "INLCR", 35: "IGNCR", 36: "ICRNL", 37: "IUCLC",
    38: "IXON", 39: "IXANY", 40: "IXOFF", 41: "IMAXBEL", 42: "IUTF8",
}  # fmt: skip
_LOCAL = {
    50: "ISIG", 51: "ICANON", 52: "XCASE", 53: "ECHO", 54: "ECHOE", 55: "ECHOK", 56: "ECHONL", 57: "NOFLSH",
    58: "TOSTOP", 59: "IEXTEN", 60: "ECHOCTL", 61: "ECHOKE", 62: "PENDIN",
}  # fmt: skip
_OUTPUT = {70: "OPOST", 71: "OLCUC", 72: "ONLCR", 73: "OCRNL", 74: "ONOCR", 75: "ONLRET"}
_CONTROL = {90: "CS7", 91: "CS8", 92: "PARENB", 93: "PARODD"}
_DISABLED = 255  # "the value 255 disables" a special character
# IUTF8 has no name in Python before 3.14; <asm-generic/termbits.h>.
_IUTF8 = 0x4000
_FLAG_FIELDS = ((0, _INPUT), (1, _OUTPUT), (2, _CONTROL), (3, _LOCAL))


def apply_modes(terminal: int, modes: Mapping[int, int]) -> None:
    """Set what `modes` (opcode: value) has; unknown opcodes are ignored, as the RFC asks."""
    settings = termios.tcgetattr(terminal)
    for field, names in _FLAG_FIELDS:
        for opcode, name in names.items():
            bit = _IUTF8 if name == "IUTF8" else getattr(termios, name, 0)
            if opcode in modes and bit:
                settings[field] = settings[field] | bit if modes[opcode] else settings[field] & ~bit
    for opcode, name in _CHARACTERS.items():
        index = getattr(termios, name, None)
        if opcode in modes and index is not None:
            value = modes[opcode]
            settings[6][index] = b"\0" if value == _DISABLED else bytes([value & 0xFF])
    termios.tcsetattr(terminal, termios.TCSANOW, settings)


def set_size(terminal: int, columns: int, rows: int, width: int, height: int) -> None:
    """In characters and pixels; its processes get SIGWINCH when that changes something."""
    numbers = (min(number, 0xFFFF) for number in (rows, columns, width, height))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *numbers))
