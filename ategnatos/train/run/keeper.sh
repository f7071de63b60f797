#!/bin/sh
# Keeps one trainer on the machine that it trains on: starts it apart from whoever asked, shows it,
# sends it signals. Carried there by the studio; needs a POSIX shell and the trainer's own Python.
#
#   sh keeper.sh start FOLDER PYTHON           start FOLDER/command.sh, unless it was started; safe
#                                              to repeat, however late the first one gets there
#   sh keeper.sh forbid FOLDER                 what has not begun never will
#   sh keeper.sh poll FOLDER OFFSET MOST GPU   how it stands, and its log from OFFSET on
#   sh keeper.sh signal FOLDER NAME            TERM, INT or KILL to the trainer and all it started
#
# FOLDER is that of one try. In it: began/ (a start was asked for), held/ (made by the one keeper
# that begins, so that no try begins twice), keeper and pid (each a number and when that process
# began), forbidden, log.txt, status (the exit status, at the end).

# A session of its own: no terminal's end reaches it, and its group is the trainer alone. Signals
# that the starting shell had switched off are switched on again.
APART='
import os, signal, sys
if sys.argv[1] == "away" and os.fork(): os._exit(0)
if sys.argv[1] == "away":
    os.setsid()
    if os.fork(): os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for one in (0, 1, 2): os.dup2(nothing, one)
else:
    os.setsid()
for one in ("HUP", "INT", "QUIT", "TERM", "PIPE"):
    signal.signal(getattr(signal, "SIG" + one), signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp("sh", ["sh"] + sys.argv[2:])
'

# When a process began, as an opaque word; nothing where it is gone or only waits to be collected.
born() {
    if [ -r /proc/self/stat ]; then
        awk '{ sub(/^.*\) /, "") } $1 !~ /[ZX]/ { print $20 }' "/proc/$1/stat" 2>/dev/null
    else
        ps -o stat= -o lstart= -p "$1" 2>/dev/null | awk '$1 !~ /Z/ { $1 = ""; gsub(/ /, "_"); print }'
    fi
}

# How many processes of a group live.
members() {
    if [ -r /proc/self/stat ]; then
        cat /proc/[0-9]*/stat 2>/dev/null |
            awk -v group="$1" '{ sub(/^.*\) /, "") } $3 == group && $1 !~ /[ZX]/ { n++ } END { print n + 0 }'
    else
        ps -A -o pgid= -o stat= | awk -v group="$1" '$1 == group && $2 !~ /Z/ { n++ } END { print n + 0 }'
    fi
}

# Whether the process whose number and birth stand in a file is the one of that number now.
same() {
    read -r number birth <"$1" 2>/dev/null || return 1
    [ -n "$number" ] && [ "$(born "$number")" = "$birth" ]
}

# How many of the trainer's processes live. Its first may be gone and the rest go on.
living() {
    read -r group birth <"$folder/pid" 2>/dev/null || { echo 0; return; }
    now=$(born "$group")
    if [ -n "$now" ] && [ "$now" != "$birth" ]; then
        echo 0 # another process has the number by now
    else
        members "$group"
    fi
}

write() { printf '%s\n' "$2" >"$1.part" && mv -f "$1.part" "$1"; }

verb=$1
folder=$2
case $verb in
start)
    python=$3
    mkdir "$folder/began" 2>/dev/null
    [ -d "$folder/held" ] && exit 0
    # Not waited for: on a busy machine it takes its time, and whoever asked may be cut off.
    {
        "$python" -I -S -c "$APART" away "$0" hold "$folder" "$python" || {
            code=$?
            mkdir "$folder/held" && {
                echo "keeper: $python cannot be started (status $code)" >>"$folder/log.txt"
                write "$folder/status" 127
            }
        }
    } </dev/null >/dev/null 2>&1 &
    ;;
hold)
    python=$3
    mkdir "$folder/held" 2>/dev/null || exit 0
    write "$folder/keeper" "$$ $(born $$)"
    # Asked after it has said who it is: who forbids looks for that after having forbidden.
    if [ -e "$folder/forbidden" ]; then
        write "$folder/status" 125
        exit 0
    fi
    "$python" -I -S -c "$APART" lead "$0" lead "$folder" </dev/null >>"$folder/log.txt" 2>&1
    write "$folder/status" $?
    ;;
forbid)
    : >"$folder/forbidden"
    mkdir "$folder/held" 2>/dev/null
    if [ -e "$folder/keeper" ]; then echo begun; else echo forbidden; fi
    ;;
lead)
    write "$folder/pid" "$$ $(born $$)"
    exec sh "$folder/command.sh"
    ;;
poll)
    # In this order: who is named first is looked for afterwards, so that a start or an end between
    # two lines never looks like one that is over; what has ended has written its status by then.
    [ -e "$folder/began" ] && echo "began 1"
    [ -r "$folder/keeper" ] && read -r number _ <"$folder/keeper" && echo "keeper_pid $number"
    [ -r "$folder/pid" ] && read -r group _ <"$folder/pid" && echo "pid $group"
    echo "alive $(living)"
    if same "$folder/keeper"; then echo "keeper 1"; else echo "keeper 0"; fi
    [ -r "$folder/status" ] && echo "status $(cat "$folder/status")"
    df -Pk "$folder" 2>/dev/null | awk 'NR == 2 { print "disk", $3, $4 }'
    if [ -n "$5" ] && command -v nvidia-smi >/dev/null 2>&1; then
        patient=
        command -v timeout >/dev/null 2>&1 && patient="timeout 5"
        used=$($patient nvidia-smi -i "$5" --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null)
        echo "gpu $used"
    fi
    if [ -r "$folder/log.txt" ]; then
        echo "size $(wc -c <"$folder/log.txt")"
        echo "log"
        tail -c +"$(($3 + 1))" "$folder/log.txt" | head -c "$4" | base64
    fi
    ;;
signal)
    if [ "$(living)" -gt 0 ]; then
        read -r group _ <"$folder/pid"
        kill -s "$3" -- "-$group" && echo sent
    else
        echo gone
    fi
    ;;
*)
    echo "keeper.sh: start, forbid, poll or signal" >&2
    exit 2
    ;;
esac
