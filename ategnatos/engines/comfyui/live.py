"""The websocket to ComfyUI, behind one small module: websockets comes in here alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from ategnatos.engines.comfyui.errors import SIGN_IN
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from ategnatos.engines.comfyui.address import Address

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
# Asked for as the first message: previews then say which node and prompt they belong to.
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class SocketClosed(Exception):  # noqa: N818 - an ordinary end of a connection
    """The connection is over, or could not be opened; ``permanent`` where trying is no use."""

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.permanent = permanent


class Socket:
    """One connection under one client id."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, address: Address, client_id: str) -> Socket:
        """Connect and ask for previews with their node. Raises SocketClosed, StudioError."""
        import logging

        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus

        # The handshake's headers may hold a credential, and the library logs them.
        silent = logging.getLogger("ategnatos.engines.comfyui.wire")
        silent.disabled = True
        try:
            connection = await connect(
                f"{address.socket_url}?clientId={quote(client_id)}",
                additional_headers=dict(address.headers),
                logger=silent,
                # A final image over the socket may have any size; the default is 1 MiB.
                max_size=None,
                # A server that loads a model answers no pings; HTTP is asked instead.
                ping_interval=None,
                compression=None if address.local else "deflate",
                open_timeout=OPEN_SECONDS,
                close_timeout=CLOSE_SECONDS,
                proxy=None if address.local else True,
            )
            await connection.send(FLAGS)
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (401, 407):
                raise StudioError(
                    SIGN_IN,
                    f"{address.url} wants credentials (HTTP {status}); nothing was made.",
                    hint="Set ATEGNATOS_COMFYUI_TOKEN to the token of the proxy in front of it.",
                    status=status,
                ) from error
            # A proxy that knows no websockets answers every attempt the same way.
            raise SocketClosed(f"HTTP {status}", permanent=status in (403, 404, 405)) from error
        except (InvalidHandshake, OSError, TimeoutError, EOFError) as error:
            raise SocketClosed(str(error) or type(error).__name__) from error
        return cls(connection)

    async def receive(self) -> bytes:
        """The next message as bytes, text or binary: text begins with ``{``, binary with NUL.

        Raises SocketClosed.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            # Text stays bytes: progress_state alone can be 8 MB that nobody needs decoded.
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise SocketClosed(str(error)) from error

    async def close(self) -> None:
        """Close, and do not wait long for a server that does not answer."""
        await self._connection.close()
