"""The fixed parts of the start-up script, for any POSIX shell: dash, bash and busybox's ash among them.

Each is one line, as it travels in variables. Rules that hold everywhere in it:

- Variables of the script are called `SCVK_…`: any other name might be an exported variable of the program's.
- Nothing but `/bin/sh` is sure to be there. `base64`, `mkdir`, `chmod`, `rm`, `env` come in one package nearly
  everywhere, and each is run only where it is needed.
- `SCVK_w` says what is being done. A trap on exit turns it into the line that `start_up_log.failure_of` reads, so that
  `||exit` is all that a step needs. It is a trap because `exec` of a missing program ends the shell.
- bash ends without running that trap where `exec` fails otherwise; `execfail` makes it go on to the next command.
- `:` and `exec` are special: a redirection of theirs that fails ends the shell at once, so `printf` makes empty files.
- A command in the background has SIGINT and SIGQUIT ignored. bash takes that back (`trap -`), dash and ash cannot; an
  `env` that can (coreutils 8.31) is used where there is one.
- ksh93 crashes where SHLVL is unset before `exec`; the others would hand theirs to the program.
- There is no `$$` in it, which Kubernetes' own expansion, were it ever applied to the group, would change.
"""

from __future__ import annotations

from scvk.provider.translate.start_up_log import (
    FAILURE_PREFIX,
    START_UP_FAILED_EXIT_CODE,
    TERMINATION_MESSAGE_PREFIX,
)

CHUNK_PREFIX = "SCVK_START_UP_"

MESSAGE_BYTES = 4096
"""Of a termination message a kubelet reads this much, from the end (MaxContainerTerminationMessageLength)."""

HOOK_GRACE_S = 30
"""What a program gets to end after its postStart hook has failed: Kubernetes' default grace period."""


def bootstrap(chunks: int) -> str:
    """The argument of `sh -c`: puts the script together, takes its variables away, and runs it.

    In one assignment, and not piece by piece, which would copy everything once for each piece.
    """
    return (
        f"SCVK_e=;SCVK_n=;SCVK_i=0;while [ $SCVK_i -lt {chunks} ];do "
        f'SCVK_n="$SCVK_n {CHUNK_PREFIX}$SCVK_i";SCVK_e="$SCVK_e\\${CHUNK_PREFIX}$SCVK_i";SCVK_i=$((SCVK_i+1));done;'
        'eval "SCVK_s=$SCVK_e;unset$SCVK_n";eval "$SCVK_s"'
    )


# t [code]: says what failed and ends. Nothing is being done where SCVK_w is empty: bash runs the trap also in a child
# that a signal ends before it has traps of its own. The PATH is made longer: a pod's own may leave the tools out.
PRELUDE = (
    "unset IFS;SCVK_u=$(umask);umask 022;SCVK_p=$PATH;"
    "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;"
    f't(){{ trap - 0;[ -z "$SCVK_w" ]||printf \'%s\\n\' "{FAILURE_PREFIX}$SCVK_w">&2;'
    f"exit ${{1:-{START_UP_FAILED_EXIT_CODE}}};}};"
    "trap t 0;"
)

NEED_BASE64 = "SCVK_w='there is no base64 in the image';command -v base64>/dev/null||exit;"
FIND_ENV = "SCVK_w='there is no env in the image';SCVK_e=$(command -v env)||exit;"

# v data: decodes into SCVK_v. The dot keeps line breaks at the end, which $(…) would cut.
DECODE = 'v(){ SCVK_v=$(echo "$1"|base64 -d;echo .);SCVK_v=${SCVK_v%.};};'

# p path: makes the folder above a path.
PARENT = 'p(){ SCVK_d=${1%/*};[ -d "${SCVK_d:-/}" ]||mkdir -p "$SCVK_d"||exit;};'

# o path: makes ready for writing a file. What is there goes first: it may be read-only, or a link to elsewhere. Where
# it cannot go (a mount, such as /etc/hosts) it is written over.
OPEN = (
    'o(){ SCVK_f=$1;SCVK_w="cannot write $1";p "$1";if [ -e "$1" ]||[ -h "$1" ];then rm -f "$1" 2>/dev/null;fi;true;};'
)

# f [mode]: writes what base64 text on standard input says.
FILL = 'f(){ base64 -d>"$SCVK_f"&&{ [ -z "$1" ]||chmod "$1" "$SCVK_f";};};'

# a path: an emptyDir. `a+rwx` and not 777 keeps the sticky bit of a /tmp.
DIRECTORY = (
    'a(){ SCVK_w="cannot make the directory $1";[ -d "$1" ]||mkdir -p "$1"||exit;'
    'chmod a+rwx "$1" 2>/dev/null;SCVK_w="cannot write in the directory $1";[ -w "$1" ]||exit;};'
)

# l path target: a second path of a directory. Neither may lie in the other: what is moved would be moved into itself.
LINK = (
    'l(){ SCVK_w="cannot make $1 the same directory as $2";case $2/ in "$1"/*)exit;;esac;case $1/ in "$2"/*)exit;;esac;'
    'p "$1";'
    'if [ -h "$1" ];then rm -f "$1";elif [ -d "$1" ];then '
    'rmdir "$1" 2>/dev/null||{ cp -a "$1/." "$2"&&rm -rf "$1";};fi;ln -s "$2" "$1"||exit;};'
)

# Before the program is run, as `env` would not say it in the wrapper's words. dash finds what is not executable, too.
CHECK_PROGRAM = 'command -v "$1">/dev/null||exit;case $1 in */*)[ -f "$1" ]&&[ -x "$1" ]||exit;;esac;'

# k signal code: passes a signal on, or keeps it for the next child. The code is set for those that mean "end".
# g: waits for the child SCVK_c, its exit code into SCVK_r. A signal ends `wait` early, which SCVK_t tells; the exit
# code of a child that was already waited for is 127.
SUPERVISE = (
    'k(){ SCVK_x=${2:-$SCVK_x};SCVK_t=1;if [ "$SCVK_c" ];then kill -"$1" "$SCVK_c" 2>/dev/null;'
    'else SCVK_q="$SCVK_q $1";fi;};'
    "SCVK_x=;SCVK_c=;SCVK_q=;trap 'k HUP' HUP;trap 'k INT 130' INT;trap 'k QUIT 131' QUIT;trap 'k TERM 143' TERM;"
    "trap 'k USR1' USR1;trap 'k USR2' USR2;trap 'k WINCH' WINCH;"
    'g(){ for SCVK_s in $SCVK_q;do kill -"$SCVK_s" "$SCVK_c" 2>/dev/null;done;SCVK_q=;SCVK_r=;'
    'while true;do SCVK_t=;wait "$SCVK_c" 2>/dev/null;SCVK_v=$?;if [ $SCVK_v = 127 ]&&[ "$SCVK_r" ];then break;fi;'
    'SCVK_r=$SCVK_v;[ "$SCVK_t" ]||break;done;SCVK_c=;};'
    'SCVK_n=;SCVK_e=$(command -v env)&&"$SCVK_e" --default-signal=INT,QUIT "$SCVK_e">/dev/null 2>&1&&'
    "SCVK_n=--default-signal=INT,QUIT;"
)

# Standard input of a command in the background is /dev/null: the program gets the real one through 3.
KEEP_INPUT = "if (exec 3<&0) 2>/dev/null;then exec 3<&0;else exec 3</dev/null;fi;"

# m path: prints what is in the file, as `start_up_log.termination_message_of` reads it. base64 breaks its lines at 76.
MESSAGE = (
    f'm(){{ [ -s "$1" ]||return 0;set -- $(tail -c {MESSAGE_BYTES} "$1"|base64);'
    "SCVK_n=$(((${#}+11)/12));SCVK_i=1;while [ ${#} -gt 0 ];do SCVK_v=;SCVK_j=0;"
    "while [ $SCVK_j -lt 12 ]&&[ ${#} -gt 0 ];do SCVK_v=$SCVK_v$1;shift;SCVK_j=$((SCVK_j+1));done;"
    f"printf '%s\\n' \"{TERMINATION_MESSAGE_PREFIX}$SCVK_i/$SCVK_n $SCVK_v\">&2;SCVK_i=$((SCVK_i+1));done;}};"
)
