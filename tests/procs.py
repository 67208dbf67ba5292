"""Processes of the bench and of conformance: started, watched through /proc, and ended by their
own ids. tests/ is in their PYTHONPATH."""
import contextlib
import os
import socket
import subprocess
import time

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
START_S = 30
END_S = 15


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def child(args, log):
    """A process that lives as long as the block."""
    with open(log, "wb") as out, subprocess.Popen(args, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def wait_until(process, ready, what):
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise SystemExit(f"{what} did not start")


def cpu_s(pid):
    """User and system time of a process, all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
