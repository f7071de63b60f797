"""One tmux session a machine: what runs in it outlives the line, and a person can look in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.machines.ssh.call import arguments
from ategnatos.machines.ssh.link import far_line

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address
    from ategnatos.machines.ssh.link import Link, Reply

SESSION = "ategnatos"


def create(link: Link) -> Reply:
    """Make the session where it is not there yet; status 127 where the machine has no tmux."""
    return link.shell(
        f"tmux has-session -t ={SESSION} 2>/dev/null || tmux new-session -d -s {SESSION} -c ~",
        seconds=60,
    )


def send(link: Link, text: str) -> Reply:
    """Type ``text`` into the session as it is, whatever is in it, and press Enter."""
    typed = far_line(["tmux", "send-keys", "-t", f"{SESSION}:", "-l", "--", text])
    entered = far_line(["tmux", "send-keys", "-t", f"{SESSION}:", "Enter"])
    return link.shell(f"{typed} && {entered}", seconds=60)


def screen(link: Link) -> str:
    """What stands in the session's window now."""
    return link.run(["tmux", "capture-pane", "-p", "-t", f"{SESSION}:"], seconds=60).text


def attach_line(address: Address) -> list[str]:
    """What a person runs, in the machine's folder here, to sit in the session."""
    line = [one for one in arguments(address) if one != "-T"]
    return [*line, "-t", "--", address.host, f"tmux attach -t ={SESSION}"]
