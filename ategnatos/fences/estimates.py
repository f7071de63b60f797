"""Which prices were shown in a conversation: one small file a conversation, in the user's state."""

from __future__ import annotations

import json
import os

from ategnatos.fences.zones import file_name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 200


class Estimates:
    """Orders whose price was said. ``folder`` holds a file per conversation; "" keeps nothing."""

    def __init__(self, folder: str, session: str, price_option: str) -> None:
        safe = file_name_of(session)
        self.file = os.path.join(folder, f"{safe}.json") if folder and safe else ""
        self._option = price_option

    def shown(self, words: list[str]) -> bool:
        """Whether the price of this order (with or without the option that agrees) was said."""
        return self._digest(words) in self._read()

    def note(self, words: list[str]) -> None:
        """The price of this order was said just now."""
        if not self.file:
            return
        known = [*self._read(), self._digest(words)][-_MOST:]
        os.makedirs(os.path.dirname(self.file), mode=0o700, exist_ok=True)
        passing = f"{self.file}.{os.getpid()}"
        with open(passing, "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(passing, self.file)

    def _digest(self, words: list[str]) -> str:
        from hashlib import sha256

        leave_out = {self._option, "--dry-run", "--json", "--quiet", "-q"}
        order: list[Any] = [word for word in words if word not in leave_out]
        return sha256(json.dumps(order).encode()).hexdigest()

    def _read(self) -> list[str]:
        if not self.file:
            return []
        try:
            with open(self.file, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return []
        except ValueError:
            return []  # cut short by a crash: prices are shown once more
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
