"""The `docker` command as a user has it: each version found here, on any socket, through pipes or on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .transcript import Result, Transcript

TIMEOUT = 30.0
"""Seconds after which a command counts as hung."""

LOG_ENDS = "sleep 0.2"
"""What a container does after its last words, where its log is followed: one that ends right after them may have an
engine of 20.10 end the log without them."""


def now() -> str:
    """Return the time as `docker events` takes it."""
    return f"{time.time():.9f}"


def from_now() -> tuple[str, str]:
    """Return the words for `docker events` to tell all from now on: nothing says when a client is listened to."""
    return "--since", now()


def docker_binaries() -> list[str]:
    """Return every docker command on the search path, the user's default one first."""
    found = (shutil.which("docker", path=folder) for folder in os.environ["PATH"].split(os.pathsep))
    return list(dict.fromkeys(str(Path(binary).resolve()) for binary in found if binary is not None))


class Cli:
    """The docker command on one address; what it answers goes into a transcript."""

    def __init__(self, binary: str, url: str) -> None:
        self.binary, self.url = binary, url
        self.transcript = Transcript()
        self._folder = tempfile.TemporaryDirectory(prefix="docker-config-")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": self._folder.name,
            "DOCKER_HOST": url,
            "DOCKER_CONFIG": self._folder.name,
            "DOCKER_BUILDKIT": "0",  # a newer command would want its plug-in
            "TERM": "dumb",
        }

    def close(self) -> None:
        """Delete its configuration."""
        self._folder.cleanup()

    def clear(self) -> None:
        """Remove all containers; a virtual host that is asked to itself knows at once that they are gone."""
        deadline = time.monotonic() + TIMEOUT
        while containers := self.quiet("ps", "-aq").split():
            assert time.monotonic() < deadline, f"not to be removed: {containers}"
            # Whatever it says: one with --rm may be going by itself.
            command = [self.binary, "rm", "-fv", *containers]
            subprocess.run(command, capture_output=True, env=self.environment, timeout=TIMEOUT, check=False)

    def run(
        self,
        *words: str,
        stdin: bytes | None = None,
        code: int = 0,
        arrange: Callable[[str], str] = str,
        tell: bool = True,
    ) -> Result:
        """Run one command to its end and record it, unless `tell` is false; any other exit code than `code` fails.

        Without `stdin` there is none: end of file at once. `arrange`: see `Transcript.add`.
        """
        try:
            done = subprocess.run(
                [self.binary, *words],
                input=stdin or b"",
                capture_output=True,
                env=self.environment,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            raise AssertionError(f"hung: {self._said(words, expired.stdout, expired.stderr)}") from expired
        assert done.returncode == code, (
            f"exit {done.returncode}, not {code}: {self._said(words, done.stdout, done.stderr)}"
        )
        result = Result(words, done.returncode, done.stdout, done.stderr)
        if tell:
            self.transcript.add(result, arrange)
        return result

    def quiet(self, *words: str, stdin: bytes | None = None) -> str:
        """Run a command that only prepares, and return its output without the line's end."""
        return self.run(*words, stdin=stdin, tell=False).text.strip()

    def until(self, *words: str, gives: str) -> None:
        """Repeat a command, unrecorded, until its output has `gives` in it."""
        deadline = time.monotonic() + TIMEOUT
        while gives not in (said := self.quiet(*words)):
            assert time.monotonic() < deadline, f"docker {' '.join(words)} never gave {gives!r}, but {said!r}"
            time.sleep(0.05)

    @contextmanager
    def background(
        self, *words: str, stdin: bytes | None = None, code: int | None = 0
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside the block, and record it when it has ended; with a `code` of None, neither matters.

        One that hangs is ended after a while, for the block may wait for what it says.
        """
        process = subprocess.Popen(
            [self.binary, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )
        watchdog = threading.Timer(2 * TIMEOUT, process.kill)
        watchdog.start()
        with process:
            try:
                yield process
                stdout, stderr = process.communicate(stdin, timeout=TIMEOUT)
            except subprocess.TimeoutExpired as expired:
                raise AssertionError(f"hung: {self._said(words, expired.stdout, expired.stderr)}") from expired
            finally:
                watchdog.cancel()
                process.kill()
        if code is None:
            return
        assert process.returncode == code, f"exit {process.returncode}: {self._said(words, stdout, stderr)}"
        self.transcript.add(Result(words, process.returncode, stdout, stderr))

    @contextmanager
    def terminal(self, *words: str, code: int = 0) -> Iterator[Terminal]:
        """Run a command on a pseudo-terminal beside the block, and record what it showed when it has ended."""
        with Terminal([self.binary, *words], self.environment) as terminal:
            yield terminal
            ended = terminal.wait()
        assert ended == code, f"exit {ended}, not {code}: {self._said(words, bytes(terminal.shown), b'')}"
        self.transcript.add(Result(words, ended, bytes(terminal.shown), b""))

    def _said(self, words: tuple[str, ...], stdout: bytes | None, stderr: bytes | None) -> str:
        return f"docker -H {self.url} {' '.join(words)}\n{(stdout or b'')[-2000:]!r}\n{(stderr or b'')[-2000:]!r}"


class Terminal:
    """A program on a pseudo-terminal of 80 columns and 24 rows that somebody types on."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.shown = bytearray()
        self._seen = 0
        self._end, theirs = pty.openpty()
        self.resize(24, 80)
        try:
            self._process = subprocess.Popen(
                ["setsid", "--ctty", "--wait", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
            )
        finally:
            os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._end)

    def resize(self, rows: int, columns: int) -> None:
        """Change the window's size, as dragging its corner does."""
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        """Press keys; a line ends with \\r."""
        os.write(self._end, text.encode())

    def expect(self, pattern: str) -> None:
        """Wait until something is shown that matches, after what the last call saw."""
        expression = re.compile(pattern.encode())
        deadline = time.monotonic() + TIMEOUT
        while not (match := expression.search(self.shown, self._seen)):
            assert self._read(deadline), f"never shown: {pattern!r}; but:\n{self.shown.decode(errors='replace')}"
        self._seen = match.end()

    def wait(self) -> int:
        """Wait until the program has ended and everything has been shown; return its exit code."""
        deadline = time.monotonic() + TIMEOUT
        while self._read(deadline):
            pass
        assert time.monotonic() < deadline, f"hung; shown:\n{self.shown.decode(errors='replace')}"
        return self._process.wait()

    def _read(self, deadline: float) -> bool:
        """Read what comes; return False when nothing can come any more or in time."""
        ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._end, 65536)
        except OSError:  # EIO: nobody has the other end open
            return False
        self.shown += data
        return bool(data)
