# Whether what was brought to the machine is there, byte by byte, by the sums that came with it.
set -eu
mkdir -p "$HOME/ategnatos/data"
cd "$HOME/ategnatos/data"
found=0
for sums in .sums/*; do
    [ -e "$sums" ] || continue
    found=1
    echo "checking ${sums#.sums/}"
    sha256sum --check --quiet "$sums"
done
if [ $found = 0 ]; then
    echo "nothing was brought here yet" >&2
    exit 1
fi
echo "all of it is whole"
