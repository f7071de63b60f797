"""An ssh server for the tests of one module, and a line to it that can be cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines import sshd
from tests.machines.wire import Wire


@pytest.fixture(scope="module")
def ssh_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Short, because tmux makes a socket below it.
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="module")
def module_server(ssh_folder: Path) -> Iterator[sshd.Server]:
    if why := sshd.why_not():
        pytest.skip(why)
    server = sshd.Server(ssh_folder / "m")
    server.start()
    yield server
    server.end()


@pytest.fixture
def server(module_server: sshd.Server) -> sshd.Server:
    """A server that knows our key, and a client that knows none of its own yet."""
    (module_server.mine / "known_hosts").unlink(missing_ok=True)
    module_server.admit()
    return module_server


@pytest.fixture
def wire(server: sshd.Server) -> Iterator[Wire]:
    running = Wire(server.port)
    yield running
    running.close()
