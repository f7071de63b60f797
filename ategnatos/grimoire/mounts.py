"""What kind of file system a path lies on: SQLite's locks do not hold on a network's.

WAL keeps an index in memory that all processes share, which two machines cannot
(https://sqlite.org/wal.html), and the locks of network mounts fail in silence
(https://sqlite.org/faq.html#q5).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# 9p and drvfs are Windows drives seen from WSL; vboxsf and prl_fs are folders of a host machine.
NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "afpfs",
        "webdav",
        "davfs",
        "fuse.davfs",
        "sshfs",
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "afs",
        "ceph",
        "fuse.ceph",
        "glusterfs",
        "fuse.glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "9p",
        "v9fs",
        "drvfs",
        "vboxsf",
        "prl_fs",
    }
)

_TABLE = Path("/proc/self/mounts")


def kind_of_mount(path: Path) -> str:
    """The kind of file system that ``path`` (absolute, without links) lies on; "" if unknown."""
    mounts = _mounts()
    return next((mounts[str(one)] for one in (path, *path.parents) if str(one) in mounts), "")


def _mounts() -> dict[str, str]:
    """Mount points and their kinds; of two on one point the later, which hides the earlier."""
    try:
        lines = _TABLE.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return _mounts_of_bsd() if sys.platform == "darwin" else {}
    found = {}
    for line in lines:
        parts = line.split(" ")
        if len(parts) > 2:
            found[_plain(parts[1])] = parts[2].lower()
    return found


def _mounts_of_bsd() -> dict[str, str]:
    """The same from ``mount``, whose lines are ``//a@b/c on /Volumes/c (smbfs, nodev)``."""
    try:
        done = subprocess.run(
            ["/sbin/mount"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    found = {}
    for line in done.stdout.splitlines():
        place, _, facts = line.rpartition(" (")
        found[place.partition(" on ")[2]] = facts.partition(",")[0].rstrip(")").lower()
    return found


def _plain(text: str) -> str:
    # The kernel writes space, tab, newline and backslash in octal (proc_pid_mounts(5)).
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
