# Runs on the rented machine: one fact a line, name and value with a tab between.
fact() { printf '%s\t%s\n' "$1" "$2"; }
fact host "$(uname -n)"
fact system "$(. /etc/os-release 2>/dev/null; echo "${PRETTY_NAME:-$(uname -sr)}")"
fact processor "$(uname -m)"
fact cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0)"
fact memory "$(awk '/^MemTotal/ {printf "%.0f", $2 * 1024}' /proc/meminfo 2>/dev/null)"
fact home "$HOME"
fact disk_free "$(df -Pk "$HOME" 2>/dev/null | awk 'NR == 2 {printf "%.0f", $4 * 1024}')"
fact python "$(python3 --version 2>/dev/null | cut -d' ' -f2)"
for one in python3 pip git tmux rsync flock curl ffmpeg nvidia-smi; do
    place=$(command -v "$one" 2>/dev/null) && fact "program" "$one $place"
done
if command -v nvidia-smi >/dev/null 2>&1; then
    if gpus=$(timeout 10 nvidia-smi --format=csv,noheader,nounits \
        --query-gpu=index,name,memory.total,memory.free,driver_version 2>&1); then
        cuda=$(timeout 10 nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9.]*\).*/\1/p' | head -n 1)
        fact cuda "$cuda"
        printf '%s\n' "$gpus" | while IFS= read -r line; do fact gpu "$line"; done
    else
        fact problem "nvidia-smi: $(printf '%s' "$gpus" | tr '\n' ' ' | cut -c1-200)"
    fi
fi
