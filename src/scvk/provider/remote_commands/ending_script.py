"""The end of commands whose client has gone: TERM, and KILL for what has not ended after two seconds.

A command is the session that its login began, its process group, and itself. One script ends many.
"""

from __future__ import annotations

from collections.abc import Iterable

from scvk.provider.remote_commands.shell import script_call

# What is killed may have begun another process since it was looked at: it is looked at again.
# k: whether a process belongs to one of them (state, parent, group and session are the fields of stat after the name).
_SCRIPT = r"""S=" $* "
k(){ case $1 in Z|X)return 1;;esac;case $S in *" $d "*|*" $3 "*|*" $4 "*);;*)return 1;;esac;}
a(){ n=;for d in /proc/[0-9]*;do { read -r l <"$d/stat";} 2>/dev/null||continue;d=${d#/proc/}
if k ${l##*) };then n="$n $d";fi;done;}
a;[ "$n" ]||exit 0
kill -TERM $n 2>/dev/null;kill -CONT $n 2>/dev/null
i=0;while [ $i -lt 8 ];do sleep 0.25 2>/dev/null||{ sleep 1;i=$((i+3));};a;[ "$n" ]||exit 0;i=$((i+1));done
i=0;while [ "$n" ]&&[ $i -lt 4 ];do kill -KILL $n 2>/dev/null;a;i=$((i+1));done
"""


def end(numbers: Iterable[int]) -> bytes:
    """Return the command that ends these commands, each by the number of its process."""
    return script_call(_SCRIPT, [str(number).encode() for number in sorted(numbers)])
