# What a rented machine needs before anything else. What is there is left alone.
set -eu
missing=
for one in git curl rsync tmux; do
    command -v "$one" >/dev/null 2>&1 || missing="$missing $one"
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "missing:$missing; there is no apt-get here, so install them in this system's way" >&2
        exit 1
    fi
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    echo "installing:$missing"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    # Unquoted: a list of names.
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends $missing
fi
mkdir -p "$HOME/ategnatos/data" "$HOME/ategnatos/results"
echo "set up: $HOME/ategnatos"
