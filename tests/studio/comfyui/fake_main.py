"""Stands in for ComfyUI's main.py: a process of its own that takes its flags and answers.

It is copied into a folder that looks like ComfyUI. ``behaviour.json`` beside it says how it
misbehaves: ``start_seconds``, ``wait_for`` (a file in the folder, before which it does not
start), ``die`` (last words), ``ignore`` (names of signals), ``child`` (it starts a process of
its own), ``queue`` (how many prompts it runs), ``version``.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
ASKED = json.loads((HERE / "behaviour.json").read_text())

parser = argparse.ArgumentParser()
parser.add_argument("--listen", default="127.0.0.1", nargs="?", const="0.0.0.0,::")
parser.add_argument("--port", type=int, default=8188)
parser.add_argument("--enable-cors-header", nargs="?", const="*")
parser.add_argument("--preview-method", default="none")
parser.add_argument("--base-directory")
for flag in ("cpu", "novram", "lowvram", "cpu-vae", "use-split-cross-attention",
             "disable-auto-launch", "fast", "multi-user"):  # fmt: skip
    parser.add_argument(f"--{flag}", action="store_true")
options = parser.parse_args()

STATS = {
    "system": {
        "os": "posix",
        "ram_total": 1 << 34,
        "ram_free": 1 << 33,
        "comfyui_version": ASKED.get("version", "0.3.64"),
        "python_version": "3.11.7 (main)",
        "pytorch_version": "2.13.0+cpu",
        "embedded_python": False,
        "argv": sys.argv,
    },
    "devices": [{"name": "cpu", "type": "cpu", "index": None, "vram_total": 1 << 34,
                 "vram_free": 1 << 33, "torch_vram_total": 0, "torch_vram_free": 0}],
}  # fmt: skip
RUNNING = [[0, "id", {}, {}, []]] * ASKED.get("queue", 0)
ANSWERS = {
    "/system_stats": STATS,
    "/queue": {"queue_running": RUNNING, "queue_pending": []},
    "/models": ["checkpoints", "loras", "custom_nodes"],
    "/models/checkpoints": ["b.safetensors", "a.safetensors"],
    "/models/loras": [],
}


class Handler(BaseHTTPRequestHandler):
    """Answers as ComfyUI does, its check of origins included (server.py of 0.3.64)."""

    def do_GET(self) -> None:
        origin = self.headers.get("Origin")
        if origin and not options.enable_cors_header and origin != f"http://{self.headers['Host']}":
            self.send_response(403)
            self.end_headers()
            return
        found = ANSWERS.get(self.path)
        body = json.dumps(found).encode() if found is not None else b""
        self.send_response(200 if found is not None else 404)
        if options.enable_cors_header:
            self.send_header("Access-Control-Allow-Origin", options.enable_cors_header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


for name in ASKED.get("ignore", []):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
print("Total VRAM 4096 MB", flush=True)
print(f"seen: {os.environ.get('SEEN', '')} {os.environ.get('ATEGNATOS_COMFYUI', '')}", flush=True)
if ASKED.get("child"):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    (HERE / "child.pid").write_text(str(child.pid))
time.sleep(ASKED.get("start_seconds", 0))
while "wait_for" in ASKED and not (HERE / ASKED["wait_for"]).exists():
    time.sleep(0.01)
if "die" in ASKED:
    print(ASKED["die"], file=sys.stderr, flush=True)
    sys.exit(1)
try:
    # It is heard as soon as it listens, and may be ended at once.
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    print(f"To see the GUI go to: http://127.0.0.1:{options.port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()
except KeyboardInterrupt:
    print("Stopped server", flush=True)
