"""Stands for ``accelerate.commands.launch``: starts the script as a child, and on SIGTERM dies
without it, as the real one does.
"""

import signal
import subprocess
import sys

# Options of the launcher take a value, but for --cpu; the first other word is the script.
arguments = sys.argv[1:]
while arguments and arguments[0].startswith("--"):
    arguments = arguments[1 if arguments[0] == "--cpu" else 2 :]

child = subprocess.Popen([sys.executable, *arguments])
try:
    status = child.wait()
except KeyboardInterrupt:
    child.wait()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
if status < 0:
    name = signal.Signals(-status)
    print("Traceback (most recent call last):\n  launch_command(args)", file=sys.stderr)
    print(
        f"subprocess.CalledProcessError: Command {arguments!r} died with {name!r}.", file=sys.stderr
    )
sys.exit(1 if status else 0)
