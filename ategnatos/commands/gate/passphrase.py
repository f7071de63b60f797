"""``gate passphrase``: the same key under another passphrase."""

from __future__ import annotations

import typer

from ategnatos.commands.contract import Answer, Call, command

REDO = "ategnatos gate passphrase"


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the house command."""
    command(app, "passphrase", example=REDO, dry_run=True)(passphrase)


def passphrase(call: Call) -> Answer:
    """Change the passphrase of your key. What you signed, and where you may sign, stays.

    Asks for the old one and twice for the new one, at your terminal. Copies of the key file that
    you keep elsewhere still open with the old one.
    """
    from ategnatos.guard.gate import choosing, keyfile, signing, statements, terminal
    from ategnatos.guard.gate import unlocked_client as unlocked

    key = keyfile.load()
    mark = statements.fingerprint(key.public)
    data = {"name": key.name, "fingerprint": mark, "key_file": str(key.path)}
    if call.dry_run:
        words = f"Would ask for the old and a new passphrase of {key.path}, and seal it anew."
        return Answer({**data, "dry_run": True}, words)
    private = signing.unsealed(key, [f"Change the passphrase of {key.path}."], redo=REDO)
    chosen = choosing.new_passphrase(
        ["Four or five words that have nothing to do with each other. Nobody can bring it back."],
        redo=REDO,
        undone="the old one still counts",
    )
    try:
        keyfile.reseal(key, private, chosen)
    finally:
        terminal.wipe(chosen)
    ended = unlocked.lock_all()
    return Answer(
        {**data, "locked": ended},
        f"{key.path} opens with the new passphrase now. The key is the same ({mark}): what you\n"
        "signed still counts, and nobody has to add you again.\n"
        "Copies of the file that you made before still open with the old passphrase: replace or\n"
        "destroy them. If somebody may have both, the key itself is no longer yours alone:\n"
        "ategnatos gate revoke, then a new one."
        + ("" if not ended else f"\nUnlocked keys were locked ({ended})."),
        ("ategnatos gate status",),
    )
