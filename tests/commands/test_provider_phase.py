"""Phases on a rented machine, a tunnel to it, and a machine that was rented by hand."""

from __future__ import annotations

import os
import signal
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from ategnatos.commands.studio import reconnect
from ategnatos.machines.ssh import dead_man
from ategnatos.machines.ssh import phases as far
from ategnatos.studio import phases
from ategnatos.studio.renting import keys
from tests.commands.renting_place import OFFER, Played, cloud, server, studio
from tests.conftest import Run
from tests.machines import sshd
from tests.machines.hello import Hello
from tests.providers.clouds.runpod import RunPodCloud

__all__ = ["cloud", "server", "studio"]

pytestmark = pytest.mark.sshd


def test_a_machine_goes_through_its_phases_and_says_where_it_stands(
    run: Run,
    studio: Path,
    cloud: Played,
    server: sshd.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(far, "LOOK_SECONDS", 0.05)
    assert run("studio", "provider", "up", OFFER, "--confirm", "--phase", "none").code == 0

    refused = run("studio", "provider", "phase", "train", "--json").envelope["error"]
    assert refused["code"] == "no_phase_script"

    folder = tmp_path / "owl"
    folder.mkdir()
    (folder / "a\nb\\c.png").write_bytes(b"picture")
    (folder / "a.txt").write_text("an owl")
    nothing = run("studio", "provider", "phase", "data", "--json").envelope["error"]
    assert (nothing["code"], nothing["details"]["status"]) == ("phase_failed", 1)
    brought = run("studio", "provider", "phase", "data", "--from", folder, "--json")
    assert brought.data["state"] == "done"
    (server.home / phases.DATA / "owl" / "a.txt").write_text("an own")
    assert run("studio", "provider", "phase", "data", "--again").code == 1
    looked = run("studio", "provider", "phase", "data", "--log", "--json").data
    assert looked["state"] == "failed"
    assert "owl/a.txt: FAILED" in looked["text"]

    script = tmp_path / "train.sh"
    script.write_text('read word < "$HOME/gate"; echo "trained $word"\n')
    os.mkfifo(server.home / "gate")
    shown = run("studio", "provider", "phase", "train", "--script", script, "--dry-run", "--json")
    assert shown.data["script"] == script.read_text()
    begun = run("studio", "provider", "phase", "train", "--script", script, "--detach", "--json")
    assert begun.data["state"] == "running"
    (server.home / "gate").write_text("well\n")
    ended = run("studio", "provider", "phase", "train", "--script", script, "--json").data
    assert ended["state"] == "done"
    assert (server.home / far.FOLDER / "train.log").read_text() == "trained well\n"


def test_a_tunnel_leads_to_the_machines_comfyui(
    run: Run, studio: Path, cloud: Played, server: sshd.Server
) -> None:
    assert run("studio", "provider", "up", OFFER, "--confirm", "--phase", "none").code == 0
    there = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=there.serve_forever, args=(0.02,))
    thread.start()
    near = sshd.free_port()
    ports = ["--port", near, "--far-port", there.server_address[1]]
    made = run("studio", "provider", "tunnel", "comfyui", *ports, "--json")
    try:
        with urlopen(f"http://127.0.0.1:{near}/", timeout=30) as answer:
            assert answer.read() == b"hello"
    finally:
        os.kill(made.data["pid"], signal.SIGTERM)
        os.waitpid(made.data["pid"], 0)
        there.shutdown()
        thread.join()
        there.server_close()
    odd = run("studio", "provider", "tunnel", "telnet", "--json").envelope["error"]
    assert odd["code"] == "usage"


def test_a_machine_rented_by_hand_is_taken_in_worked_on_and_ended(
    run: Run,
    studio: Path,
    cloud: Played,
    server: sshd.Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"name": "by-hand", "gpu": {"id": "x", "count": 1}, "image": "i", "ports": ["22/tcp"]}
    made = RunPodCloud._made(cloud, body)
    name = f"runpod:{made.id}"
    price = run("studio", "provider", "adopt", name, "--json").envelope["error"]
    assert price["code"] == "price_not_confirmed"
    assert not (keys.folder_of(made.id) / "key").exists()
    taken = run("studio", "provider", "adopt", name, "--confirm", "--max-minutes", "30", "--json")
    assert taken.data["minutes"] == 30
    again = run("studio", "provider", "adopt", name, "--confirm", "--json").envelope["error"]
    assert again["code"] == "rental_running"

    server.admit(Path(taken.data["public_key_file"]).read_text().strip())
    monkeypatch.setattr(reconnect, "PATIENCE_SECONDS", 1.0)
    back = run("studio", "reconnect", "--json").data
    assert back["dead_man"]["alive"]
    # Its dead-man script dies, as at a restart of the machine, and comes back with us.
    first = int((server.home / dead_man.FOLDER / "pid").read_text())
    os.kill(first, signal.SIGKILL)
    (seen,) = run("studio", "provider", "fleet", "--maintain", "--dry-run", "--json").data[
        "machines"
    ]
    assert (seen["reached"], seen["dead_man"], seen["runs"]) == (True, False, {})
    assert [Path(one["path"]).name for one in seen["removed"]] == ["pid"]
    run("studio", "reconnect")
    assert int((server.home / dead_man.FOLDER / "pid").read_text()) != first
    ran = run("studio", "provider", "run", name, "--json", "--", "echo", "here")
    assert ran.data["output"] == "here\n"
    reaped = run("studio", "reaper", "--once", "--json").data
    assert [one["kind"] for one in reaped["machines"]] == ["runs"]
    # What was learned there goes with the machine, so it is asked for first.
    made_there = server.home / "ategnatos-runs" / "studio" / "owl 1" / "output"
    made_there.mkdir(parents=True)
    (made_there / "owl.safetensors").write_bytes(b"x")
    kept = run("studio", "provider", "down", name, "--json").envelope["error"]
    assert (kept["code"], kept["details"]["runs"]) == ("results_there", {"owl 1": "unbrought"})
    # Brought home once, and something new since: still not all of it is here.
    os.utime(made_there / "owl.safetensors", (2, 2))
    (made_there.parent / "brought").touch()
    os.utime(made_there.parent / "brought", (1, 1))
    assert run("studio", "provider", "down", name).code == 1
    (made_there.parent / "brought").touch()
    assert run("studio", "provider", "down", name, "--json").data["machines"][0]["gone"]
    assert not keys.folder_of(made.id).exists()
    unknown = run("studio", "provider", "adopt", "runpod:nobody", "--json").envelope["error"]
    assert unknown["code"] == "offer_gone"
