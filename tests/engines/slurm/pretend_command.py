"""Slurm's commands over a `CommandDesk`: this process passes its words on and prints the answer."""

import json
import socket
import sys

with socket.socket(socket.AF_UNIX) as desk:
    desk.connect(sys.argv[1])
    said = "" if sys.argv[3] != "sbatch" else sys.stdin.read()
    desk.sendall(json.dumps([sys.argv[2], sys.argv[3:], said]).encode())
    desk.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(lambda: desk.recv(1 << 16), b""))
code, out, err = json.loads(answer)
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
