# ComfyUI in a folder and an environment of its own, answering on loopback and nowhere else.
# TORCH is where PyTorch for this machine's card comes from, PORT where the server listens.
set -eu
folder=$HOME/ComfyUI
if [ ! -e "$folder/main.py" ]; then
    # Under its name only once it is whole.
    rm -rf "$folder.part"
    git clone --quiet --depth 1 https://github.com/Comfy-Org/ComfyUI "$folder.part"
    mv "$folder.part" "$folder"
fi
python=$folder/venv/bin/python
# An image made for a GPU brings its own PyTorch, which is used where it works.
"$python" -c '' 2>/dev/null || python3 -m venv --system-site-packages "$folder/venv"
if ! "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    echo "installing PyTorch from $TORCH"
    "$python" -m pip install --quiet torch torchvision torchaudio --index-url "$TORCH"
    "$python" -c 'import torch; assert torch.cuda.is_available(), "PyTorch does not see the GPU"'
fi
"$python" -m pip install --quiet -r "$folder/requirements.txt"
[ ! -e "$folder/manager_requirements.txt" ] ||
    "$python" -m pip install --quiet -r "$folder/manager_requirements.txt"
answers() { curl -fsS -m 5 -o /dev/null "http://127.0.0.1:$PORT/system_stats" 2>/dev/null; }
if ! answers; then
    cd "$folder"
    setsid nohup "$python" main.py --listen 127.0.0.1 --port "$PORT" \
        >>"$folder/server.log" 2>&1 </dev/null &
    server=$!
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then
            echo "ComfyUI did not come up; the end of its log:" >&2
            tail -n 20 "$folder/server.log" >&2
            exit 1
        fi
        sleep 1
    done
fi
echo "ComfyUI answers on port $PORT of this machine"
