# Runs on the rented machine: sh dead_man.sh (begin CAP IDLE SILENT EVERY SAVE | watch ... | hear)
# The last net: ends this machine with the machine's own key when its time is over, when it idles,
# or when nobody has asked for it for too long. It holds no key of the account. Seconds throughout.
# They are counted by the kernel's uptime, so that a clock set anew moves nothing.
set -u
umask 077
cd "$HOME/.ategnatos-dead-man" || exit 97
now() { cut -d. -f1 < /proc/uptime; }
say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >> log; }
# The time in a file; one that cannot be read must not end the watch.
at() {
    when=$(cat "$1" 2>/dev/null)
    case $when in '' | *[!0-9]*) now ;; *) echo "$when" ;; esac
}
put() { printf '%s\n' "$2" > "$1.part.$$" && mv -f "$1.part.$$" "$1"; }

# When a process was born; nothing where it is gone, or dead and not yet collected.
born() {
    awk '{ sub(/^.*\) /, "") } $1 !~ /[ZX]/ { print $20 }' "/proc/$1/stat" 2>/dev/null
}

# Whether the watch that was begun last lives: its number may be another process's by now.
watching() {
    [ -e pid ] && [ -e born ] && [ -n "$(born "$(cat pid)")" ] &&
        [ "$(born "$(cat pid)")" = "$(cat born)" ]
}

# The groups of trainings that live: of each try, the process that its keeper wrote down, if it is
# still the one that was born then.
trainers() {
    for one in "$HOME"/ategnatos-runs/*/*/attempts/*/pid; do
        [ -e "$one" ] && read -r number birth < "$one" || continue
        [ -n "$birth" ] && [ "$(born "$number")" = "$birth" ] && echo "$number"
    done
}

# Whether a training has made what nobody has brought home yet.
unbrought() {
    for one in "$HOME"/ategnatos-runs/*/*; do
        [ -d "$one/output" ] || continue
        since=
        [ -e "$one/brought" ] && since="$one/brought"
        found=$(find "$one/output" -type f ! -path '*/logs/*' ! -path '*/cache/*' \
            ${since:+-newer "$since"} 2>/dev/null | head -n 1)
        [ -n "$found" ] && return 0
    done
    return 1
}

busy() {
    for lock in "$HOME"/.ategnatos-phases/*.lock; do
        [ -e "$lock" ] && ! flock -n "$lock" true && return 0
    done
    [ -n "$(trainers)" ] && return 0
    if command -v nvidia-smi >/dev/null 2>&1; then
        used=$(timeout 10 nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits) ||
            return 0 # a driver that does not answer proves no idleness
        for one in $used; do
            case $one in '' | *[!0-9]*) return 0 ;; esac
            [ "$one" -ge 5 ] && return 0
        done
        return 1
    fi
    # No GPU: a fifth of one core counts as work.
    awk '{exit !($1 >= 0.2)}' /proc/loadavg
}

case $1 in
begin)
    shift
    watching && kill "$(cat pid)" 2>/dev/null
    rm -f due told
    put heard "$(now)"
    if command -v setsid >/dev/null 2>&1; then
        setsid nohup sh ./dead_man.sh watch "$@" >/dev/null 2>&1 </dev/null &
    else
        nohup sh ./dead_man.sh watch "$@" >/dev/null 2>&1 </dev/null &
    fi
    watcher=$!
    put pid "$watcher"
    put born "$(born "$watcher")"
    put worked "$(now)"
    ;;
watch)
    cap=$2 idle=$3 silent=$4 every=$5 save=${6:-120}
    # A machine's own key stands in the environment of its first process and not in ours.
    for name in RUNPOD_API_KEY RUNPOD_POD_ID CONTAINER_API_KEY CONTAINER_ID; do
        value=$(tr '\0' '\n' < "${ATEGNATOS_FIRST_ENVIRONMENT:-/proc/1/environ}" 2>/dev/null |
            sed -n "s/^$name=//p" | head -n 1)
        [ -n "$value" ] && export "$name=$value"
    done
    begun=$(now)
    say "watching: cap $cap, idle $idle, silent $silent"
    tries=0
    while :; do
        why=
        [ $(($(now) - begun)) -ge "$cap" ] && why=cap
        if busy; then
            put worked "$(now)"
        # What was learned waits to be fetched as long as silence is allowed to last.
        elif [ $(($(now) - $(at worked))) -ge "$idle" ] && ! unbrought; then
            why=idle
        fi
        # A training goes on though nobody asks: a laptop may be closed. Its cap holds.
        [ $(($(now) - $(at heard))) -ge "$silent" ] && [ -z "$(trainers)" ] && why=silent
        if [ -n "$why" ]; then
            put due "$why"
            # Whatever trains is told once, and given a moment to save: a disk that outlives the
            # machine then holds it. Who asks for the machine has brought it home before.
            if [ ! -e told ]; then
                : > told
                for one in $(trainers); do kill -s TERM -- "-$one" && say "told the training $one"; done
                waited=0
                while [ -n "$(trainers)" ] && [ $waited -lt "$save" ]; do
                    sleep 1
                    waited=$((waited + 1))
                done
            fi
            if [ -s end.sh ]; then
                tries=$((tries + 1))
                say "ending this machine ($why), try $tries"
                sh ./end.sh >> log 2>&1 || say "the provider did not take it"
            fi
        else
            # It idled, and works again.
            rm -f due told
        fi
        sleep "$every"
    done
    ;;
hear)
    put heard "$(now)"
    alive=no
    watching && alive=yes
    echo "$alive $(($(now) - $(at worked))) $(cat due 2>/dev/null || echo -)"
    ;;
esac
