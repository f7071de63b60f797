"""What must never happen: values, secrets, redaction, locks, the budget, the human gate.

Importing any part of it registers the redactor with the record (``grimoire.outgoing``), so that
no process can work with credentials and forget to.
"""

from __future__ import annotations

from typing import Any

from ategnatos.grimoire import outgoing


def _redacted(value: Any) -> Any:
    # Imported by the first value, not by every command.
    from ategnatos.guard.redaction import redact_value

    return redact_value(value)


outgoing.register(_redacted)
