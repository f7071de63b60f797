"""Runs on the training machine, in the trainer's own Python, read from its standard input.

One JSON object as the only argument, one marked line out. The standard library alone, and no
import of what it looks for: to import torch takes longer than all of this.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MARK = "ategnatos-probe "
_PIECE = 1 << 22


def git(home: str, *words: str) -> bytes | None:
    """What git prints in ``home``; None where it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", home, *words], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def checkout(home: str) -> dict[str, str]:
    """Commit, newest tag, and a hash of what was changed by hand; {} for no checkout."""
    top = git(home, "rev-parse", "--show-toplevel") if home else None
    if top is None or Path(top.decode().strip()).resolve() != Path(home).resolve():
        return {}
    changed = git(home, "diff", "--no-ext-diff", "--no-textconv", "HEAD") or b""
    return {
        "commit": (git(home, "rev-parse", "HEAD") or b"").decode().strip(),
        "tag": (git(home, "describe", "--tags", "--abbrev=0") or b"").decode().strip(),
        "changed": hashlib.sha256(changed).hexdigest() if changed else "",
    }


def torch() -> dict[str, str]:
    """Version of PyTorch and what it was built for, as its own version.py says."""
    spec = importlib.util.find_spec("torch")
    for place in (spec.submodule_search_locations or []) if spec else []:
        try:
            text = (Path(place) / "version.py").read_text(encoding="utf-8")
        except OSError:
            continue
        found = {}
        for name, word in (("version", "__version__"), ("cuda", "cuda"), ("hip", "hip")):
            said = re.search(word + r"\s*(?::[^=\n]+)?=\s*['\"]([^'\"]*)['\"]", text)
            found[name] = said.group(1) if said else ""
        return found
    return {}


def versions(names: Iterable[str]) -> dict[str, str]:
    """The version of each package; "" where it is not installed."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def there(name: str) -> bool:
    """Whether a module is found."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def one_file(name: str, hashed: bool) -> dict[str, Any]:
    """What a path is: file, folder or nothing; bytes, seconds of its last change, its hash."""
    path = Path(name).expanduser()
    if path.is_dir():
        whole = (path / "model_index.json").is_file()
        return {"kind": "folder", "whole": whole, "bytes": 0, "modified": 0}
    if not path.is_file():
        return {"kind": ""}
    about = path.stat()
    said: dict[str, Any] = {
        "kind": "file",
        "bytes": about.st_size,
        "modified": about.st_mtime_ns // 1_000_000_000,
        "readable": os.access(path, os.R_OK),
    }
    if hashed and said["readable"]:
        sha = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                sha.update(piece)
        said["sha256"] = sha.hexdigest()
    return said


def hub() -> Path:
    """The cache of huggingface.co, as its own library finds it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name])
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]) / "hub"
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "huggingface" / "hub"


def repository(cache: Path, name: str, file: str) -> str:
    """``there``, ``incomplete`` (a download was cut off), or ""."""
    folder = cache / ("models--" + name.replace("/", "--"))
    if any((folder / "blobs").glob("*.incomplete")):
        return "incomplete"
    return "there" if any((one / file).exists() for one in (folder / "snapshots").glob("*")) else ""


def free(name: str) -> int:
    """Bytes free on the disk of a folder that may not be there yet."""
    path = Path(name).expanduser().absolute()
    while not path.is_dir():
        path = path.parent
    return shutil.disk_usage(path).free


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.argv[1])
    cache = hub()
    said = {
        "executable": sys.executable,
        "python": ".".join(map(str, sys.version_info[:3])),
        "checkout": checkout(asked["home"]),
        "torch": torch() if "torch" in asked["packages"] else {},
        "packages": versions(asked["packages"]),
        "modules": {name: there(name) for name in asked["modules"]},
        "files": {name: one_file(name, name in asked["hash"]) for name in asked["files"]},
        "repositories": {
            name: repository(cache, name, file) for name, file in asked["repositories"].items()
        },
        "hub": str(cache),
        "free": {name: free(name) for name in asked["free"]},
    }
    sys.stdout.write(MARK + json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
