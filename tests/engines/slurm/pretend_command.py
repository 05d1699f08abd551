"""Slurm's commands over a `CommandDesk`: this process passes its words on and prints the answer.

Hundreds of it start in one run of the tests, so it imports nothing that is not built in: `socket`
and `json` alone would take longer than all the rest.
"""

import _socket
import marshal
import sys

desk = _socket.socket(_socket.AF_UNIX)
desk.connect(sys.argv[1])
said = "" if sys.argv[3] != "sbatch" else sys.stdin.read()
desk.sendall(marshal.dumps((sys.argv[2], sys.argv[3:], said)))
desk.shutdown(_socket.SHUT_WR)
answer = b"".join(iter(lambda: desk.recv(1 << 16), b""))
desk.close()
code, out, err = marshal.loads(answer)
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
