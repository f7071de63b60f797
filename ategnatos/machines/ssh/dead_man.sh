# Runs on the rented machine: sh dead_man.sh (begin CAP IDLE SILENT EVERY | watch ... | hear)
# The last net: ends this machine with the machine's own key when its time is over, when it idles,
# or when nobody has asked for it for too long. It holds no key of the account. Seconds throughout.
# They are counted by the kernel's uptime, so that a clock set anew moves nothing.
set -u
umask 077
cd "$HOME/.ategnatos-dead-man" || exit 97
now() { cut -d. -f1 < /proc/uptime; }
say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >> log; }
put() { printf '%s\n' "$2" > "$1.part.$$" && mv -f "$1.part.$$" "$1"; }

busy() {
    for lock in "$HOME"/.ategnatos-phases/*.lock; do
        [ -e "$lock" ] && ! flock -n "$lock" true && return 0
    done
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
    [ -e pid ] && kill "$(cat pid)" 2>/dev/null
    rm -f due
    put heard "$(now)"
    if command -v setsid >/dev/null 2>&1; then
        setsid nohup sh ./dead_man.sh watch "$@" >/dev/null 2>&1 </dev/null &
    else
        nohup sh ./dead_man.sh watch "$@" >/dev/null 2>&1 </dev/null &
    fi
    put pid $!
    put worked "$(now)"
    ;;
watch)
    cap=$2 idle=$3 silent=$4 every=$5
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
        busy && put worked "$(now)"
        why=
        [ $(($(now) - begun)) -ge "$cap" ] && why=cap
        [ $(($(now) - $(cat worked))) -ge "$idle" ] && why=idle
        [ $(($(now) - $(cat heard))) -ge "$silent" ] && why=silent
        if [ -n "$why" ]; then
            put due "$why"
            if [ -s end.sh ]; then
                tries=$((tries + 1))
                say "ending this machine ($why), try $tries"
                sh ./end.sh >> log 2>&1 || say "the provider did not take it"
            fi
        fi
        sleep "$every"
    done
    ;;
hear)
    put heard "$(now)"
    alive=no
    [ -e pid ] && kill -0 "$(cat pid)" 2>/dev/null && alive=yes
    echo "$alive $(($(now) - $(cat worked 2>/dev/null || now))) $(cat due 2>/dev/null || echo -)"
    ;;
esac
