"""Child processes that are spoken to in lines, never waited for without a limit, and never left behind."""

import ctypes
import os
import select
import signal
import subprocess
import time

from command import INTERNAL, UNAVAILABLE, Failure

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl


def _die_with_parent():
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A process with pipes on stdin and stdout, in a session of its own: Ctrl-C is for its parent, which ends it.

    As a context manager it kills what still runs.
    """

    def __init__(self, command, name=None, merge_errors=False):
        self.name = name or os.path.basename(command[0])
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge_errors else None,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            raise Failure(UNAVAILABLE, f"cannot start {command[0]}: {error.strerror}") from error

    @property
    def pid(self):
        return self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def write(self, text):
        try:
            self._process.stdin.write(text.encode())
        except BrokenPipeError:
            raise Failure(INTERNAL, f"{self.name} has ended too early") from None

    def close_input(self):
        self._process.stdin.close()

    def is_running(self):
        return self._process.poll() is None

    def read_line(self, seconds):
        """The next line without its end. A child that ends or stays silent for so long is a failure."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._rest += self._read_some(deadline)
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def read_bytes(self, count, seconds):
        deadline = time.monotonic() + seconds
        parts, have = [self._rest], len(self._rest)
        while have < count:
            part = self._read_some(deadline)
            parts.append(part)
            have += len(part)
        whole = b"".join(parts)
        self._rest = whole[count:]
        return whole[:count]

    def read_all(self, seconds):
        """Everything until the child closes its output."""
        deadline = time.monotonic() + seconds
        parts = [self._rest]
        while part := self._read_some(deadline, may_end=True):
            parts.append(part)
        self._rest = b""
        return b"".join(parts).decode(errors="replace")

    def _read_some(self, deadline, may_end=False):
        pipe = self._process.stdout
        ready, _, _ = select.select([pipe], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise Failure(INTERNAL, f"{self.name} does not answer")
        part = os.read(pipe.fileno(), 1 << 20)
        if not part and not may_end:
            raise Failure(INTERNAL, f"{self.name} has ended too early")
        return part

    def wait(self, seconds):
        """Its exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(INTERNAL, f"{self.name} does not end") from None

    def stop(self, seconds=5):
        """Asks it to end; its exit code."""
        self._process.terminate()
        return self.wait(seconds)


def call(command, check=True, seconds=20):
    """Runs a short command, out of reach of Ctrl-C, and returns its output."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, start_new_session=True, check=False
        )
    except FileNotFoundError as error:
        raise Failure(
            UNAVAILABLE, f"{command[0]} is not installed: 'scripts/deps.sh benchmarks' installs it"
        ) from error
    except subprocess.TimeoutExpired:
        raise Failure(INTERNAL, f"'{' '.join(command)}' does not end") from None
    if check and done.returncode != 0:
        raise Failure(UNAVAILABLE, f"'{' '.join(command)}' failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
