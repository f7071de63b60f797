"""A real ssh server of our own on loopback: own port, own keys, own home folder."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from contextlib import closing
from pathlib import Path

from ategnatos.machines.ssh.address import Address, parse_address
from ategnatos.machines.ssh.link import Link
from tests.waiting import wait_until


def why_not() -> str:
    """Why no server can be started here, or nothing."""
    for name in ("ssh", "ssh-keygen", "rsync", "tmux", "flock"):
        if shutil.which(name) is None:
            return f"needs {name}"
    if _program() is None:
        return "needs an ssh server: apt-get install openssh-server"
    return ""


def _program() -> str | None:
    # Debian keeps it where a user's PATH does not look; it re-executes itself by its whole path.
    return shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path) -> str:
    """A key pair at ``path``; its public line."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path.with_name(f"{path.name}.pub").read_text(encoding="ascii").strip()


class Server:
    """One sshd. ``home`` is the home folder of whoever logs in; ``mine`` holds our key."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", prefix: tuple[str, ...] = ()):
        self.folder = folder
        self.home = folder / "far home"
        self.mine = folder / "near ~ %h"
        self._tmux = folder / "tmux"
        for one in (self.home, self.mine, self._tmux):
            one.mkdir(parents=True)
        self.port = free_port()
        self.address_text = address
        self._prefix = prefix
        make_key(self.mine / "key")
        self.host_key = make_key(folder / "host")
        self.admit()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        # HOME is another than the account's: a rented machine's home is empty, ours is not.
        (folder / "shell").write_text(
            "#!/bin/sh\n"
            f'export HOME="{self.home}" TMUX_TMPDIR="{self._tmux}" PATH="{self.home}/bin:$PATH"\n'
            'cd && exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
        )
        (folder / "shell").chmod(0o755)
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress {address}\nHostKey {folder}/host\n"
            f"AuthorizedKeysFile {folder}/authorized\nPidFile {folder}/pid\nStrictModes no\n"
            # bash, started by sshd in a first shell, reads the account's .bashrc: a machine that is
            # rented has none worth the wait, and ours is nobody's business.
            "SetEnv SHLVL=2\n"
            "UsePAM no\nKexAlgorithms curve25519-sha256\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n"
            f"PermitRootLogin yes\nMaxStartups 100\nForceCommand {folder}/shell\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def admit(self, public: str | None = None) -> None:
        """Let this key in, and no other; ours by default."""
        line = public or (self.mine / "key.pub").read_text()
        (self.folder / "authorized").write_text(f"{line}\n")

    def start(self) -> None:
        """Listen."""
        program = _program()
        assert program is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, program, "-D", "-e", "-f", str(self.folder / "config")],
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_until(lambda: b"Server listening" in (self.folder / "log").read_bytes())

    def stop(self) -> None:
        """Listen no more; what runs goes on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
            (self.folder / "log").write_bytes(b"")

    def end(self) -> None:
        """Stop, and end what was left running in tmux."""
        self.stop()
        subprocess.run(
            ["tmux", "kill-server"],
            env={**os.environ, "TMUX_TMPDIR": str(self._tmux)},
            capture_output=True,
            check=False,
        )

    def address(self, port: int | None = None, alias: str = "runpod.pod-1") -> Address:
        """Where it answers, or where a proxy to it does."""
        return parse_address(
            host=self.address_text,
            port=port or self.port,
            user=getpass.getuser(),
            home=self.mine,
            alias=alias,
        )

    def link(self, port: int | None = None) -> Link:
        """A link that does not wait between tries."""
        return Link(self.address(port), waits=(0.0, 0.0, 0.0))
