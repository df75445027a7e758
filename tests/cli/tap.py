# SPDX-License-Identifier: Apache-2.0
"""The Test Anything Protocol for tests of the command line, and ways to run a program: pipes and terminals."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

count = failed = 0


def check(ok, name, *notes):
    global count, failed
    count += 1
    print(f"{'' if ok else 'not '}ok {count} - {name}", flush=True)
    if not ok:
        failed += 1
        for note in notes:
            for line in str(note).splitlines() or [""]:
                print(f"# {line}", flush=True)
    return bool(ok)


def equal(got, wanted, name):
    return check(got == wanted, name, f"got    {got!r}", f"wanted {wanted!r}")


def contains(text, part, name):
    return check(part in text, name, f"{part!r} is not in", text)


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


def done():
    print(f"1..{count}", flush=True)
    sys.exit(1 if failed else 0)


def environment(extra=None):
    """A small, known environment, so that the tests do not depend on who runs them."""
    keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env.update({"LANG": "C.UTF-8", "TERM": "xterm", "HOME": "/nonexistent"})
    env.update(extra or {})
    return {name: value for name, value in env.items() if value is not None}


def run(program, *args, env=None, cwd=None, stdin="", timeout=60):
    """Runs with pipes; the result has .returncode, .stdout, .stderr as texts."""
    return subprocess.run([program, *args], env=environment(env), cwd=cwd, input=stdin, timeout=timeout,
                          capture_output=True, text=True, encoding="utf-8", errors="surrogateescape")


def run_pty(program, *args, columns=80, env=None, signals=(), stdout_pipe=False, answer=None, timeout=60):
    """
    Runs on a terminal of so many columns; returns (exit status or -signal, what came to the terminal, stdout pipe).
    `signals` are (seconds after the start, signal).
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([program, *args], env=environment(env), stdin=slave, stderr=slave,
                               stdout=subprocess.PIPE if stdout_pipe else slave, start_new_session=True)
    os.close(slave)
    start, text, piped = time.monotonic(), b"", b""
    pending = list(signals)
    sources = [master] + ([process.stdout.fileno()] if stdout_pipe else [])
    while sources and time.monotonic() - start < timeout:
        while pending and time.monotonic() - start >= pending[0][0]:
            os.kill(process.pid, pending.pop(0)[1])
        ready, _, _ = select.select(sources, [], [], 0.02)
        for source in ready:
            try:
                data = os.read(source, 65536)
            except OSError:
                data = b""
            if not data:
                sources.remove(source)
            elif source == master:
                text += data
                if answer and b"[y/N]" in text:
                    os.write(master, answer.encode())
                    answer = None
            else:
                piped += data
    if time.monotonic() - start >= timeout:
        process.send_signal(signal.SIGKILL)
    status = process.wait()
    if process.stdout:
        process.stdout.close()
    os.close(master)
    return status, text.decode("utf-8", "replace"), piped.decode("utf-8", "replace")
