"""Which ComfyUI: its address, and the credentials for a proxy in front of it.

ComfyUI itself knows no sign-in, so whoever reaches its port owns the machine behind it. That
is why an address beyond this machine is refused unless a person insists.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from ategnatos.engines.comfyui.errors import REMOTE
from ategnatos.grimoire.errors import StudioError

DEFAULT = "http://127.0.0.1:8188"
SERVER_VARIABLE = "ATEGNATOS_COMFYUI_URL"
TOKEN_VARIABLE = "ATEGNATOS_COMFYUI_TOKEN"  # noqa: S105 - the name of a variable, no secret
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """One server. ``url`` has no slash at its end; ``headers`` are sent with every request.

    ``headers`` may hold a credential: they are never printed, logged or recorded.
    """

    url: str
    host: str
    port: int
    local: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def socket_url(self) -> str:
        """The websocket's address, without its query."""
        return "ws" + self.url.removeprefix("http") + "/api/ws"

    @property
    def lock_name(self) -> str:
        """The resource that two runs would fight over: ``comfyui:<host>:<port>``."""
        return f"comfyui:{self.host}:{self.port}"


def parse_address(
    text: str, *, token: str | None = None, allow_remote: bool = False, field_name: str = "--server"
) -> Address:
    """An address from what a person wrote: ``127.0.0.1:8188`` or a URL.

    ``token`` is sent as ``Authorization: Bearer``; ``user:password`` as Basic. Raises
    StudioError (``url_invalid``, ``host_invalid``, ``url_credentials``, ``comfyui_remote``).
    """
    from ategnatos.guard.values.hosts import Reach
    from ategnatos.guard.values.urls import parse_url

    url = parse_url(text if "://" in text else f"http://{text}", field=field_name)
    port = url.port or _PORTS[url.scheme]
    local = url.reach is Reach.LOOPBACK
    shown = f"[{url.host.text}]" if ":" in url.host.text else url.host.text
    if not local and not allow_remote:
        raise StudioError(
            REMOTE,
            f"{field_name} names {shown}:{port}, which is not this machine; nothing was sent. "
            "ComfyUI has no sign-in: whoever reaches its port can run anything there.",
            hint=f"Reach it through a tunnel: ssh -N -L 8188:127.0.0.1:{port} {url.host.text}, "
            "then use 127.0.0.1:8188. To send to it all the same, add --allow-remote.",
            host=url.host.text,
            port=port,
        )
    base = f"{url.scheme}://{shown}:{port}{url.path.rstrip('/')}"
    return Address(base, url.host.text, port, local, _authorization(token))


def find_address(
    record: Mapping[str, object] | None = None,
    *,
    server: str | None = None,
    allow_remote: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Address:
    """The address that counts: ``server``, else the environment, else the record, else default.

    ``record`` holds ``host`` and ``port`` of the studio document. Raises as
    :func:`parse_address`.
    """
    token = environment.get(TOKEN_VARIABLE)
    if server:
        return parse_address(server, token=token, allow_remote=allow_remote)
    named = environment.get(SERVER_VARIABLE)
    if named:
        return parse_address(
            named, token=token, allow_remote=allow_remote, field_name=SERVER_VARIABLE
        )
    host = str((record or {}).get("host") or "127.0.0.1")
    port = (record or {}).get("port") or 8188
    shown = f"[{host}]" if ":" in host else host
    return parse_address(
        f"http://{shown}:{port}",
        token=token,
        allow_remote=allow_remote,
        field_name="The studio's ComfyUI address",
    )


def _authorization(token: str | None) -> dict[str, str]:
    if not token:
        return {}
    if ":" in token:
        import base64

        packed = base64.b64encode(token.encode()).decode("ascii")
        return {"Authorization": f"Basic {packed}"}
    return {"Authorization": f"Bearer {token}"}
