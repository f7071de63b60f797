"""A machine that is the shell of this computer: for scripts that run on machines, without ssh."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ategnatos.machines.ssh.address import parse_address
from ategnatos.machines.ssh.link import Link, Reply


class Near(Link):
    """The shell of this computer, with the programs of ``home/bin`` before its own."""

    def shell(self, line: str, **given: object) -> Reply:  # type: ignore[override]
        stdin = given.get("stdin")
        path = f"{self.address.home}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", line],
            input=stdin if isinstance(stdin, bytes) else b"",
            capture_output=True,
            env={"PATH": path, "HOME": str(self.address.home)},
            check=False,
        )
        return Reply(done.returncode, done.stdout, done.stderr)


def near(home: Path) -> Near:
    """Such a machine whose home is that folder."""
    (home / "bin").mkdir(exist_ok=True)
    return Near(parse_address(host="localhost", port=22, user="root", home=home, alias="m"))
