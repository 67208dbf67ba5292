"""A stand-in between the program and a real Redis: it hands commands and replies on, unless the
test has scripted a fault that no real server can be brought to.

    between.fault = lambda words, forward: b"-LOADING ...\\r\\n"

A fault gets one command, as its words, and forward(), which has Redis do it and answers its reply;
it answers the bytes to send, or CLOSE_AFTER + bytes to end the connection behind them, or None
for what Redis itself says. One transaction keeps the fault that stood at its MULTI.
"""
import os
import socket
import threading

CLOSE_AFTER = b"\0close\0"


class Replies:
    """What comes in on one socket, taken off as whole commands or replies."""

    def __init__(self, peer):
        self.peer, self.pending = peer, b""

    def _until(self, n):
        while len(self.pending) < n:
            more = self.peer.recv(1 << 16)
            if not more:
                raise ConnectionError
            self.pending += more

    def _line(self):
        while b"\r\n" not in self.pending:
            self._until(len(self.pending) + 1)
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def take(self):
        """(raw bytes, value) of one RESP value."""
        line = self._line()
        kind, raw = line[:1], line + b"\r\n"
        if kind == b"$" and int(line[1:]) >= 0:
            n = int(line[1:]) + 2
            self._until(n)
            body, self.pending = self.pending[:n], self.pending[n:]
            return raw + body, body[:-2]
        if kind == b"*" and int(line[1:]) >= 0:
            items = [self.take() for _ in range(int(line[1:]))]
            return raw + b"".join(item[0] for item in items), [item[1] for item in items]
        return raw, line


class Between:
    def __init__(self, folder, redis):
        self.redis, self.fault = redis, None
        self.path = folder / "between.sock"
        self.url = f"redis+unix://{self.path}"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        os.unlink(self.path)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(str(self.redis.path))
                self._exchange(client, server)
            except OSError:
                pass  # one of the two is gone: so is the connection

    def _exchange(self, client, server):
        commands, replies, in_transaction = Replies(client), Replies(server), False
        while True:
            raw, words = commands.take()
            name = words[0].upper()
            if not in_transaction:
                fault = self.fault
            in_transaction = name == b"MULTI" or (in_transaction and name != b"EXEC")

            def forward(raw=raw):
                server.sendall(raw)
                return replies.take()[0]

            answer = fault([name, *words[1:]], forward) if fault else None
            if answer is None:
                answer = forward()
            client.sendall(answer.removeprefix(CLOSE_AFTER))
            if answer.startswith(CLOSE_AFTER):
                return
