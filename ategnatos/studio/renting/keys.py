"""A key pair for one machine, made for it and of no use anywhere else.

The private half lies in the account's state folder (0600), outside every studio: a studio is
put under version control and handed on.
"""

from __future__ import annotations

import os

from ategnatos.machines.rented import folder_of
from ategnatos.machines.ssh.address import KEY

__all__ = ["folder_of", "forget", "make"]


def make(label: str) -> str:
    """The machine's public key, one line; the pair is made where there is none yet."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = folder_of(label)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / KEY
    if path.exists():
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    else:
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return f"{public.decode('ascii')} {label}"


def forget(label: str) -> None:
    """Remove the pair of a machine that is gone, and what was pinned for it."""
    folder = folder_of(label)
    for name in (KEY, f"{KEY}.pub", "known_hosts", "known_hosts.old"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
