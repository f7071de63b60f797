# Runs on a rented machine: sh fleet.sh look | tidy KEEP DAYS DRY
# look: a line a fact. tidy: a line for each thing that is (DRY is 1: would be) removed.
set -u
runs="$HOME/ategnatos-runs"
phases="$HOME/.ategnatos-phases"
size() { du -sk -- "$1" 2>/dev/null | cut -f1; }

remove() { # kind, path
    printf '%s\t%s\t%s\n' "$1" "$(size "$2")" "$2"
    [ "$dry" = 1 ] || rm -rf -- "$2"
}

# Whether everything in it was there when the studio last brought it all home.
brought() { # path, run
    [ -e "$2/brought" ] && [ -z "$(find "$1" -type f -newer "$2/brought" | head -n 1)" ]
}

# When a process was born; nothing where it is gone, or dead and not yet collected.
born() {
    awk '{ sub(/^.*\) /, "") } $1 !~ /[ZX]/ { print $20 }' "/proc/$1/stat" 2>/dev/null
}

alive() { # run
    for one in "$1"/attempts/*/pid; do
        [ -e "$one" ] && read -r number birth < "$one" || continue
        [ -n "$birth" ] && [ "$(born "$number")" = "$birth" ] && return 0
    done
    return 1
}

case $1 in
look)
    df -Pk "$HOME" | awk 'NR == 2 { printf "disk\t%s\t%s\n", $3, $4 }'
    awk '{ printf "load\t%s\n", $1 }' /proc/loadavg 2>/dev/null
    if command -v nvidia-smi >/dev/null 2>&1; then
        timeout 10 nvidia-smi --format=csv,noheader,nounits \
            --query-gpu=utilization.gpu,memory.used,memory.total 2>/dev/null |
            while IFS= read -r line; do printf 'gpu\t%s\n' "$line"; done
    fi
    for run in "$runs"/*/*; do
        [ -d "$run" ] || continue
        how=over
        since=
        [ -e "$run/brought" ] && since="$run/brought"
        # Without what trainers keep for themselves.
        [ -d "$run/output" ] && [ -n "$(find "$run/output" -type f ! -path '*/logs/*' \
            ! -path '*/cache/*' ${since:+-newer "$since"} | head -n 1)" ] && how=unbrought
        alive "$run" && how=trains
        printf 'run\t%s\t%s\t%s\n' "$how" "$(size "$run")" "${run##*/}"
    done
    ;;
tidy)
    keep=$2 days=$3 dry=$4
    for run in "$runs"/*/*; do
        [ -d "$run/output" ] || continue
        # Of weights and of states each the newest stay, and whatever is not home yet.
        for kind in weights state; do
            rest=$keep
            # By time, the newest first. A line break in a name ends in a name that is not there.
            ls -1t -- "$run/output" 2>/dev/null | while IFS= read -r name; do
                one="$run/output/$name"
                case $kind in
                weights) [ -f "$one" ] || continue; case $name in *.safetensors | *.ckpt) ;; *) continue ;; esac ;;
                state) [ -d "$one" ] || continue; case $name in *-state | checkpoint-*) ;; *) continue ;; esac ;;
                esac
                rest=$((rest - 1))
                [ $rest -ge 0 ] && continue
                brought "$one" "$run" && remove checkpoint "$one"
            done
        done
        alive "$run" && continue
        for one in "$run"/attempts/*/log.txt; do
            [ -e "$one" ] || continue
            brought "$one" "$run" && [ -n "$(find "$one" -mtime +"$days")" ] && remove log "$one"
        done
    done
    for one in "$phases"/*.log; do
        [ -e "$one" ] || continue
        flock -n "${one%.log}.lock" true && [ -n "$(find "$one" -mtime +"$days")" ] && remove log "$one"
    done
    # Left by what died half-way; nothing of ours takes an hour to write one.
    for one in "$phases"/*.part* "$phases"/*.launch "$HOME"/.ategnatos-dead-man/*.part*; do
        [ -e "$one" ] && [ -n "$(find "$one" -mmin +60)" ] && remove part "$one"
    done
    watch="$HOME/.ategnatos-dead-man/pid"
    [ -e "$watch" ] && [ -z "$(born "$(cat "$watch")")" ] && remove pid "$watch"
    exit 0
    ;;
esac
