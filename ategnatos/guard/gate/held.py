"""A key that was opened with its passphrase and stays open in this process, for the page.

The passphrase comes from the page's signing form and is wiped as soon as the key is open. The
process is closed to debuggers first. What is signed is made here from what the person read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import hardening, keyfile, signing, statements, terminal
from ategnatos.guard.gate.statements import Signed, Subject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ategnatos.guard.gate.keyfile import KeyFile
    from ategnatos.guard.gate.trust import Trust


class HeldKey:
    """An opened key; it shows nothing of itself, and cannot be pickled."""

    __slots__ = ("_private", "public")

    def __init__(self, key: KeyFile, private: Ed25519PrivateKey) -> None:
        self.public = key.public
        self._private = private

    def sign_many(
        self,
        approvers: Trust,
        *,
        gate: str,
        wanted: Sequence[tuple[Subject, str, str | None]],
        now: datetime,
    ) -> list[Signed]:
        """Signatures over statements (subject, verdict, reason) that the person has read.

        Raises StudioError (``approver_unknown``, ``no_key``, ``key_unsafe``, ``key_damaged``,
        ``key_changed``).
        """
        key = keyfile.load()
        signing.require_approver(approvers, key)
        if key.public != self.public:
            raise StudioError(
                keyfile.KEY_CHANGED,
                f"{key.path} is not the key that you opened; nothing was signed.",
                hint="Lock the page and type the passphrase again.",
            )
        made = statements.make_many(
            wanted, studio=approvers.studio, gate=gate, approver=self.public, now=now
        )
        return [Signed(one, self._private.sign(one.to_sign()).hex()) for one in made]

    def __repr__(self) -> str:
        return "HeldKey(...)"

    def __reduce__(self) -> str:
        raise TypeError("an opened key stays in its process")


def opened(approvers: Trust, passphrase: str) -> HeldKey:
    """This account's key, opened with the passphrase that a person typed into the page.

    Raises StudioError (``no_key``, ``key_unsafe``, ``key_damaged``, ``approver_unknown``,
    ``passphrase_wrong``).
    """
    import unicodedata

    hardening.close_to_others()
    key = keyfile.load()
    signing.require_approver(approvers, key)
    secret = bytearray(unicodedata.normalize("NFC", passphrase).encode(errors="surrogateescape"))
    try:
        return HeldKey(key, keyfile.unseal(key, secret))
    finally:
        terminal.wipe(secret)
