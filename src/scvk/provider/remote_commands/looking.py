"""What is asked of a running program: who it is, what it was given, and what its image has to become it.

The answer comes in parts, each behind a line with a word that nobody can guess.
"""

from __future__ import annotations

from collections.abc import Sequence

from scvk.provider.remote_commands.shell import script_call

MOST_ANSWER = 8 * 1024 * 1024

# h part: the line before a part. `cat` is the only tool that has to be there.
# b process words: runs words as the process's user. Without CAP_SYS_PTRACE, which containers rarely have, root may not
# read the variables of another user's process, but that user may.
# With "children" as second argument, the children of process 1 are looked at, else process 1 itself.
# A tool counts only where it can do what is asked of it: busybox's setpriv and chroot cannot.
_SCRIPT = r"""m=$1
h(){ printf '\n%s %s\n' "$m" "$1";}
b(){ while read -r k _ e _;do case $k in Uid:)u=$e;;Gid:)g=$e;;esac;done </proc/$1/status
shift;setpriv --reuid="$u" --regid="$g" --clear-groups "$@"||chroot --userspec="$u:$g" --groups= --skip-chdir / "$@"||
chpst -u "$u:$g" "$@"||su -s /bin/sh "$(n)" -c 'exec "$@"' sh "$@";}
n(){ while IFS=: read -r a _ c _;do [ "$c" = "$u" ]&&echo "$a"&&break;done </etc/passwd;}
o(){ h process;printf '%s' "$1";for f in stat status;do h $f;cat /proc/$1/$f;done
h environ;{ cat /proc/$1/environ||b "$1" cat /proc/$1/environ;} 2>/dev/null;}
c(){ [ "$2" = 1 ];}
if [ "$2" = children ];then
for d in /proc/[0-9]*;do { read -r l <"$d/stat";} 2>/dev/null||continue;if c ${l##*) };then o "${d#/proc/}";fi;done
else o 1;fi
h tools
command -v env >/dev/null&&echo env
setpriv --reuid=0 --regid=0 --clear-groups true 2>/dev/null&&echo setpriv
chroot --userspec=0:0 --groups= --skip-chdir / true 2>/dev/null&&echo chroot
chpst -u 0:0 true 2>/dev/null&&echo chpst
command -v su >/dev/null&&echo su
h users
cat /etc/passwd
h end
"""


def look(marker: bytes, *, at_children: bool = False) -> bytes:
    """Return the command that looks at process 1, or at its children."""
    return script_call(_SCRIPT, [marker, b"children" if at_children else b"first"])


def parts_of(answer: bytes, marker: bytes) -> Sequence[tuple[str, bytes]] | None:
    """Return the parts by name, in order; None where the answer is not whole."""
    found: list[tuple[str, bytes]] = []
    for piece in answer.split(b"\n" + marker + b" ")[1:]:
        name, _, content = piece.partition(b"\n")
        found.append((name.decode("ascii", "replace"), content))
    if not found or found[-1][0] != "end":
        return None
    return found[:-1]
