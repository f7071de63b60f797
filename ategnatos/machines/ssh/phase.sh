# Runs on the rented machine: sh phase.sh (start|run|inner|state|read) NAME ...
# A phase is a script that may be run again. It runs detached from the line that started it, once
# at a time (the kernel's flock, which dies with its holder), and leaves NAME.done when it is whole.
set -u
umask 077
cd "$HOME/.ategnatos-phases" || exit 97
verb=$1
name=$2

state() {
    if ! flock -n "$1.lock" true; then echo running
    elif [ -e "$1.done" ]; then echo done
    elif [ -e "$1.status" ]; then echo "failed $(cat "$1.status")"
    elif [ -e "$1.started" ]; then echo interrupted
    else echo waiting
    fi
}

case $verb in
start) # stdin: the script. $3: "again" runs a phase that is done once more.
    part=$name.part.$$
    cat > "$part" || exit 98
    size=$(wc -c 2>/dev/null < "$name.log" || echo 0)
    before=$(state "$name")
    if [ "$before" = running ] || { [ "$before" = done ] && [ "${3-}" != again ]; }; then
        rm -f "$part"
        echo "$before $size"
        exit 0
    fi
    mv -f "$part" "$name.sh"
    rm -f "$name.done" "$name.status"
    date -u +%Y-%m-%dT%H:%M:%SZ > "$name.started"
    : > "$name.launch"
    if command -v tmux >/dev/null 2>&1; then
        tmux has-session -t =ategnatos 2>/dev/null || tmux new-session -d -s ategnatos -c "$HOME"
        tmux new-window -d -t ategnatos: -n "$name" -- sh "$PWD/phase.sh" run "$name"
    elif command -v setsid >/dev/null 2>&1; then
        setsid nohup sh ./phase.sh run "$name" >/dev/null 2>&1 </dev/null &
    else
        nohup sh ./phase.sh run "$name" >/dev/null 2>&1 </dev/null &
    fi
    tries=0
    while [ -e "$name.launch" ] && [ $tries -lt 150 ]; do
        sleep 0.1 2>/dev/null || sleep 1
        tries=$((tries + 1))
    done
    # How it stands, and how long its log was before.
    echo "$(state "$name") $size"
    ;;
run)
    # -o: what the phase starts and leaves behind does not hold the lock.
    exec flock -n -o "$name.lock" sh ./phase.sh inner "$name"
    ;;
inner)
    rm -f "$name.launch"
    cd "$HOME" || exit 97
    sh "$HOME/.ategnatos-phases/$name.sh" >>"$HOME/.ategnatos-phases/$name.log" 2>&1 </dev/null
    code=$?
    cd "$HOME/.ategnatos-phases" || exit 97
    if [ $code -eq 0 ]; then
        { date -u +%Y-%m-%dT%H:%M:%SZ; cksum < "$name.sh"; } > "$name.done.part"
        sync "$name.done.part" 2>/dev/null || sync
        mv -f "$name.done.part" "$name.done"
    else
        echo $code > "$name.status.part"
        mv -f "$name.status.part" "$name.status"
    fi
    ;;
state) # every name given
    shift
    for one; do
        echo "$one $(state "$one") $(wc -c < "$one.log" 2>/dev/null || echo 0)"
    done
    ;;
read) # $3: from which byte on, $4: at most how many
    state "$name"
    tail -c +"$(($3 + 1))" "$name.log" 2>/dev/null | head -c "$4"
    ;;
esac
