"""Between Arkwright and slurmrestd: loses answers, delays them, or gives none at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

CHUNK = 1 << 16


class Proxy:
    """Forwards whole exchanges on loopback; `fault(request)` names what goes wrong with one.

    Every request has a connection of its own (the engine says `Connection: close`). Faults:
    `lose` carries the request out and drops the answer; `refuse` closes before it is passed on;
    `error` answers 503 without asking; `garble` cuts the answer in half; a number delays the answer
    by so many seconds; None lets it through.
    """

    def __init__(self, port):
        self._to = ("127.0.0.1", port)
        self.fault: Callable[[str], object] = lambda _request: None
        self.seen = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        # Closing alone does not wake a thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def count(self, words):
        """Requests so far whose first line has `words`."""
        return sum(words in head.partition("\r\n")[0] for head in list(self.seen))

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                request = _whole_request(client)
                head = request.partition(b"\r\n\r\n")[0].decode("latin-1")
                self.seen.append(head)
                self._exchange(client, request, self.fault(request.decode("latin-1")))
            except OSError:
                return

    def _exchange(self, client, request, fault):
        if fault == "refuse":
            return
        if fault == "error":
            client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
            return
        answer = self._ask(request)
        if fault == "lose":
            return
        if isinstance(fault, int | float):
            time.sleep(fault)
        client.sendall(answer[: len(answer) // 2] if fault == "garble" else answer)

    def _ask(self, request):
        with socket.create_connection(self._to, timeout=60) as server:
            server.sendall(request)
            pieces = []
            while piece := server.recv(CHUNK):
                pieces.append(piece)
        return b"".join(pieces)


def _whole_request(client):
    client.settimeout(60)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(client)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
    while len(body) < length:
        body += _more(client)
    return head + b"\r\n\r\n" + body


def _more(client):
    if not (piece := client.recv(CHUNK)):
        raise OSError("the client went away")
    return piece
