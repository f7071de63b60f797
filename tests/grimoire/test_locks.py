"""A lock holds across processes and threads, and only its holder gives it back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project

HOLDER = """
import sys, time
from pathlib import Path
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project
with hold(Project(Path(sys.argv[1])), "gpu"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(project: Project) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(project.root)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def is_free(project: Project) -> bool:
    with suppress(StudioError), hold(project, "gpu", wait=0.05):
        return True
    return False


def test_another_process_is_kept_out_until_the_holder_dies(project: Project) -> None:
    process = holder(project)
    assert not is_free(project)
    process.kill()
    process.wait()
    assert is_free(project)


def test_threads_exclude_each_other(project: Project) -> None:
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(25):
            with hold(project, "gpu"):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_lock_taken_twice_in_one_place_is_refused_not_given(project: Project) -> None:
    with hold(project, "gpu"):
        assert not is_free(project)


def test_a_child_that_leaves_does_not_free_its_parents_lock(project: Project) -> None:
    with hold(project, "gpu"):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            assert not is_free(project)
    if child == 0:
        # The child has left the block too, by a copy of the same lock.
        os._exit(0)
    assert is_free(project)


def test_a_lock_file_that_is_a_link_is_refused(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (project.state / "locks" / "gpu.lock").symlink_to(target)
    with pytest.raises(StudioError) as raised, hold(project, "gpu", wait=0.05):
        pass
    assert raised.value.code.code == "write_failed"
    assert target.read_text() == "mine"


def test_what_stands_in_a_lock_file_means_nothing(project: Project) -> None:
    """A recorded process id could be reused; the kernel's lock cannot."""
    (project.state / "locks" / "gpu.lock").write_text(str(os.getpid()))
    assert is_free(project)
