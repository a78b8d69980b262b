"""Picture files made on the spot, with nothing but the standard library, and what can be told of one that was written."""

import struct
import zlib


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width=64, height=64, colour=(200, 40, 90, 255), extra=b"", told=None):
    """A png of one colour; `extra` stands behind the header, `told` is the size that the header tells of."""
    head = struct.pack(">IIBBBBB", *(told or (width, height)), 8, 6, 0, 0, 0)
    rows = (b"\0" + bytes(colour) * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def comment(text):
    """A chunk of metadata."""
    return chunk(b"tEXt", b"Comment\0" + text.encode())


def webp_size(data):
    """Width and height of a webp file, by its header."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WEBP", data[:16]
    kind = data[12:16]
    if kind == b"VP8X":
        return (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1
    assert kind == b"VP8 ", kind
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3fff, height & 0x3fff
