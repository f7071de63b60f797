"""A network of its own for a host, at the end of a virtual cable that can be pulled."""

from __future__ import annotations

import shutil
import subprocess

# TEST-NET-2 (RFC 5737): nobody's.
NEAR, FAR = "198.51.100.1", "198.51.100.2"


def ip(*words: str, check: bool = True) -> bool:
    """Run ip; whether it went well."""
    done = subprocess.run(["ip", *words], capture_output=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.returncode == 0


class Cable:
    """The two ends of a virtual cable; ``name`` is that of the network namespace. ``near`` is our
    address on it, ``far`` that of the host at its other end.
    """

    def __init__(self, number: int, near: str = NEAR, far: str = FAR) -> None:
        self.name = f"ateg{number}"
        self.ours, self.theirs = near, far
        self.near = f"atg{number}a"
        self.far = f"atg{number}b"

    def lay(self) -> bool:
        """Whether it could be laid: that needs root and a kernel that lets us."""
        if shutil.which("ip") is None or not ip("netns", "add", self.name, check=False):
            return False
        laid = ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, check=False)
        if not laid:
            return False
        ip("link", "set", self.far, "netns", self.name)
        ip("addr", "add", f"{self.ours}/30", "dev", self.near)
        ip("link", "set", self.near, "up")
        ip("-n", self.name, "addr", "add", f"{self.theirs}/30", "dev", self.far)
        ip("-n", self.name, "link", "set", self.far, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        return True

    def pull(self) -> None:
        """Take it out: nothing tells anybody, packets just go."""
        ip("link", "set", self.near, "down")

    def plug(self) -> None:
        """Put it in again."""
        ip("link", "set", self.near, "up")

    def remove(self) -> None:
        """Take cable and network away."""
        ip("link", "del", self.near, check=False)
        ip("netns", "del", self.name, check=False)
