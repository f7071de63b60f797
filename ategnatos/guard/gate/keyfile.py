"""The private key on disk: sealed with a passphrase, useless without it.

scrypt turns the passphrase into a key (128 MiB and about half a second a guess), which seals
the 32 bytes with ChaCha20-Poly1305. Everything else in the file is sealed along as associated
data, so that nothing in it can be changed unseen.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, write_atomic
from ategnatos.guard.gate import account, statements

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NO_KEY = ErrorCode("no_key", "This account has no approver's key.")
KEY_DAMAGED = ErrorCode("key_damaged", "The key file is not one, or was changed.")
PASSPHRASE_WRONG = ErrorCode("passphrase_wrong", "The passphrase does not open the key.")
PASSPHRASE_WEAK = ErrorCode("passphrase_weak", "The passphrase would be guessed too soon.")
KEY_CHANGED = ErrorCode("key_changed", "The key file was changed by somebody else meanwhile.")

FILE = "approver.key"
VERSION = "1.0"
TYPE = "ategnatos approver key"

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html, 2025:
# scrypt N=2^17, r=8, p=1 at the least.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 17, 8, 1
# A file may ask for more, up to 1 GiB and a few seconds: beyond that it is no key of ours.
_MOST_N, _MOST_R, _MOST_P = 1 << 20, 8, 4

SHORTEST_PASSPHRASE = 12
_FEWEST_CHARACTERS = 5


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key that is still sealed. ``public`` is its public half in hex."""

    path: Path
    name: str
    public: str
    created_at: str
    sealed: dict[str, Any]


def path() -> Path:
    """Where this account's key lies, whether or not there is one."""
    return account.folder() / FILE


def check_strength(passphrase: bytearray) -> None:
    """Refuse what a machine guesses in a day. Raises StudioError (``passphrase_weak``)."""
    text = bytes(passphrase).decode(errors="replace")
    if len(text) >= SHORTEST_PASSPHRASE and len(set(text)) >= _FEWEST_CHARACTERS:
        return
    raise StudioError(
        PASSPHRASE_WEAK,
        f"A passphrase has at least {SHORTEST_PASSPHRASE} characters, {_FEWEST_CHARACTERS} of them"
        " different; no key was made and none was changed.",
        hint="Four or five words that have nothing to do with each other are easy to remember."
        " Then run the same command again.",
    )


def create(name: str, passphrase: bytearray, *, now: datetime) -> tuple[KeyFile, Ed25519PrivateKey]:
    """Make a key, sealed, and write it with mode 0600; an existing file is never replaced.

    Raises StudioError (``passphrase_weak``, ``key_unsafe``, ``write_failed``, ``disk_full``).
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    check_strength(passphrase)
    place = account.make_folder() / FILE
    private = Ed25519PrivateKey.generate()
    sealed: dict[str, Any] = {
        "_schema_version": VERSION,
        "type": TYPE,
        "name": name,
        "public": private.public_key().public_bytes_raw().hex(),
        "created_at": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    _seal(sealed, private, passphrase)
    _place(place, sealed)
    return load(), private


def load() -> KeyFile:
    """This account's key, sealed. Raises StudioError (``no_key``, ``key_unsafe``,
    ``key_damaged``).
    """
    place = path()
    raw = account.read(place, secret=True)
    if raw is None:
        raise StudioError(
            NO_KEY,
            f"This account has no approver's key ({place} is not there); nothing was signed.",
            hint="A person makes one in their own terminal: ategnatos gate init",
            path=str(place),
        )
    try:
        body = json.loads(raw)
        if body["_schema_version"] != VERSION or body["type"] != TYPE:
            raise ValueError("it is of another kind or version")
        if not statements.is_key(body["public"]):
            raise ValueError("its public half is no key")
        return KeyFile(place, str(body["name"]), body["public"], str(body["created_at"]), body)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(place, str(error)) from error


def unseal(key: KeyFile, passphrase: bytearray) -> Ed25519PrivateKey:
    """The private key. Raises StudioError (``passphrase_wrong``, ``key_damaged``)."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    header = {name: value for name, value in key.sealed.items() if name != "sealed"}
    try:
        kdf, cipher = header["kdf"], header["cipher"]
        if kdf["name"] != "scrypt" or cipher["name"] != "chacha20-poly1305":
            raise ValueError("its ways of sealing are not known here")
        sealed = bytes.fromhex(key.sealed["sealed"])
        derived = _derive(passphrase, kdf)
        raw = ChaCha20Poly1305(derived).decrypt(
            bytes.fromhex(cipher["nonce"]), sealed, canonical_json(header)
        )
        private = Ed25519PrivateKey.from_private_bytes(raw)
    except InvalidTag as error:
        raise StudioError(
            PASSPHRASE_WRONG,
            f"That passphrase does not open {key.path}, or the file was changed. Nothing was"
            " signed and nothing was recorded.",
            hint="Run the same command again. If you are sure of the passphrase, the file is not"
            " the one you made: compare its fingerprint with 'ategnatos gate list'.",
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(key.path, str(error)) from error
    if private.public_key().public_bytes_raw().hex() != key.public:
        raise _damaged(key.path, "its two halves do not belong together")
    return private


def reseal(key: KeyFile, private: Ed25519PrivateKey, passphrase: bytearray) -> KeyFile:
    """Seal the same key with another passphrase; until the new file is whole, the old one stands.

    What is written was opened with the new passphrase before. Copies of the old file still open
    with the old one. Raises StudioError (``passphrase_weak``, ``key_changed``, ``key_unsafe``,
    ``write_failed``, ``disk_full``) with the old file untouched.
    """
    check_strength(passphrase)
    body = {
        name: value for name, value in key.sealed.items() if name not in {"kdf", "cipher", "sealed"}
    }
    _seal(body, private, passphrase)
    fresh = replace(key, sealed=body)
    unseal(fresh, passphrase)
    if load() != key:
        # It may be somebody's only key: never replaced.
        raise StudioError(
            KEY_CHANGED,
            f"{key.path} is not the file that was opened: something changed it meanwhile. It was"
            " left as it is.",
            hint="See whose key it is with 'ategnatos gate status', then run the same command"
            " again.",
            path=str(key.path),
        )
    write_atomic(key.path, json.dumps(body, indent=1).encode() + b"\n", 0o600)
    return fresh


def _seal(body: dict[str, Any], private: Ed25519PrivateKey, passphrase: bytearray) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = os.urandom(12)
    body["kdf"] = {
        "name": "scrypt",
        "n": SCRYPT_N,
        "r": SCRYPT_R,
        "p": SCRYPT_P,
        "salt": os.urandom(16).hex(),
    }
    body["cipher"] = {"name": "chacha20-poly1305", "nonce": nonce.hex()}
    derived = _derive(passphrase, body["kdf"])
    body["sealed"] = (
        ChaCha20Poly1305(derived)
        .encrypt(nonce, private.private_bytes_raw(), canonical_json(body))
        .hex()
    )


def _derive(passphrase: bytearray, kdf: dict[str, Any]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    n, r, p = int(kdf["n"]), int(kdf["r"]), int(kdf["p"])
    if not (2 <= n <= _MOST_N and 1 <= r <= _MOST_R and 1 <= p <= _MOST_P):
        raise ValueError("it asks for a cost that no key of ours has")
    salt = bytes.fromhex(kdf["salt"])
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(bytes(passphrase))


def _place(place: Path, body: dict[str, Any]) -> None:
    from ategnatos.grimoire.files import explained, sync_folder, write_temporary

    data = json.dumps(body, indent=1).encode() + b"\n"
    with explained(place, "No key was made."):
        temporary = write_temporary(place.parent, data, 0o600)
        try:
            # A link refuses to replace: a key that is there already is somebody's only one.
            os.link(temporary, place)
        finally:
            os.unlink(temporary)  # noqa: PTH108
        sync_folder(place.parent)


def _damaged(place: Path, why: str) -> StudioError:
    return StudioError(
        KEY_DAMAGED,
        f"{place} is not a key that can be used ({why}); nothing was signed.",
        hint="Bring it back from your own backup. Without one, make a new key (move this file"
        " away, then 'ategnatos gate init') and have another approver add it.",
        path=str(place),
    )
