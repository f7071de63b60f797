"""The only place that imports keyring: a program of its own, so that it can hang and be ended.

Backends talk to desktop services, show windows and load other people's code. Orders come as one
JSON object on standard input, the answer goes out as one; nothing is in the arguments.
"""

from __future__ import annotations

import json
import sys

SERVICE = "ategnatos"


def main() -> None:
    """Follow one order: ``{"get": [KEY]}``, ``{"set": KEY, "value": ...}``, ``{"delete": KEY}``."""
    order = json.load(sys.stdin)
    # What a backend prints must not be taken for the answer.
    answer_to, sys.stdout = sys.stdout, sys.stderr
    try:
        answer = _follow(order)
    except Exception as error:  # noqa: BLE001 - any backend may fail in any way; it is reported
        answer = {"problem": type(error).__name__}
    json.dump(answer, answer_to)
    answer_to.flush()


def _follow(order: dict[str, object]) -> dict[str, object]:
    import keyring
    from keyring.backends import chainer, fail, null
    from keyring.errors import PasswordDeleteError

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring | null.Keyring):
        return {"absent": "no keyring is installed"}
    if isinstance(backend, chainer.ChainerBackend) and not backend.backends:
        return {"absent": "no keyring is installed"}
    name = f"{type(backend).__module__}.{type(backend).__qualname__}"
    if "set" in order:
        backend.set_password(SERVICE, str(order["set"]), str(order["value"]))
        stored = backend.get_password(SERVICE, str(order["set"])) == order["value"]
        return {"backend": name} if stored else {"problem": "it did not keep the value"}
    if "delete" in order:
        try:
            backend.delete_password(SERVICE, str(order["delete"]))
        except PasswordDeleteError:
            return {"backend": name, "deleted": False}
        return {"backend": name, "deleted": True}
    keys = order.get("get")
    values = (
        {key: backend.get_password(SERVICE, key) for key in keys} if isinstance(keys, list) else {}
    )
    return {"backend": name, "values": values}


if __name__ == "__main__":
    main()
