"""What a machine says of itself: one shell script, the same near and far, and how to read it.

POSIX sh, read over its standard input, and nothing that must be installed there; what is missing
is left out. A GPU driver that hangs is given five seconds.
"""

from __future__ import annotations

from ategnatos.machines import MachineFacts, MachineGpu

PROGRAMS = ("tmux", "rsync", "git", "ffmpeg", "nvcc", "docker")

# Each line of the answer begins with a word that says what it is.
SCRIPT = """
say() { printf '%s %s\\n' "$1" "$2"; }
patient() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }
say host "$(uname -n)"
say system "$(uname -sr)"
say processor "$(uname -m)"
say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null)"
if [ -r /proc/meminfo ]; then
  say memory_kib "$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)"
else
  say memory "$(sysctl -n hw.memsize 2>/dev/null)"
fi
say home "$HOME"
say disk_kib "$(df -Pk "$HOME" 2>/dev/null | awk 'NR==2 {print $4}')"
say python "$(python3 -c 'import platform; print(platform.python_version())' 2>/dev/null)"
for one in PROGRAMS; do
  found=$(command -v "$one" 2>/dev/null) && say program "$one=$found"
done
if command -v nvidia-smi >/dev/null 2>&1; then
  patient 5 nvidia-smi --query-gpu=index,name,memory.total,memory.free,driver_version \\
    --format=csv,noheader,nounits 2>/dev/null | while IFS= read -r line; do say gpu "$line"; done
  say gpu_asked "$(patient 5 nvidia-smi 2>/dev/null |
    sed -n 's/.*CUDA Version: *\\([0-9.]*\\).*/\\1/p')"
elif [ "$(uname -s)" = Darwin ] && [ "$(uname -m)" = arm64 ]; then
  say apple "$(sysctl -n machdep.cpu.brand_string 2>/dev/null)"
fi
say end end
""".replace("PROGRAMS", " ".join(PROGRAMS))  # fmt: skip


def read(text: str) -> MachineFacts:
    """The answer of :data:`SCRIPT` as facts. Lines that are not its own are passed over."""
    said: dict[str, str] = {}
    cards: list[str] = []
    programs: dict[str, str] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "gpu":
            cards.append(rest)
        elif word == "program":
            name, _, path = rest.partition("=")
            programs[name] = path
        else:
            said.setdefault(word, rest.strip())
    memory = _whole(said.get("memory_kib")) * 1024 or _whole(said.get("memory"))
    cuda = said.get("gpu_asked", "")
    gpus = tuple(gpu for one in cards if (gpu := _gpu(one, cuda)) is not None)
    if apple := said.get("apple"):
        # One memory for processor and GPU.
        gpus = (MachineGpu(0, apple, memory >> 20, 0),)
    problem = ""
    if "gpu_asked" in said and not gpus:
        problem = "nvidia-smi is there, and its driver does not answer"
    elif "end" not in said:
        problem = "the machine's answer is cut off"
    return MachineFacts(
        host=said.get("host", ""),
        system=said.get("system", ""),
        processor=said.get("processor", ""),
        cores=_whole(said.get("cores")),
        memory=memory,
        home=said.get("home", ""),
        disk_free=_whole(said.get("disk_kib")) * 1024,
        python=said.get("python", ""),
        gpus=gpus,
        programs=programs,
        problem=problem,
    )


def _gpu(line: str, cuda: str) -> MachineGpu | None:
    """One line of nvidia-smi; a name may hold a comma, the rest does not."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < 5 or not parts[0].isdigit():
        return None
    total, free, driver = parts[-3:]
    return MachineGpu(
        int(parts[0]), ", ".join(parts[1:-3]), _whole(total), _whole(free), driver, cuda
    )


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0
