"""Documents: YAML or JSON text on one side, a frozen typed value on the other.

`parse` turns bytes into a tree that remembers lines; `decode` turns the tree into a msgspec struct
and names every problem with file, line and key path; `encode` is its inverse for quantities;
`schema` describes the same type to an editor; `put` gives one key another value. `read` is the one
place that opens a file.
"""

from arkwright.documents.change import key_steps, put, put_node
from arkwright.documents.decode import decode
from arkwright.documents.encode import encode
from arkwright.documents.reader import parse, read
from arkwright.documents.schema import schema
from arkwright.documents.tree import Limits, Node, plain, where_of

__all__ = [
    "Limits",
    "Node",
    "decode",
    "encode",
    "key_steps",
    "parse",
    "plain",
    "put",
    "put_node",
    "read",
    "schema",
    "where_of",
]
