# SPDX-License-Identifier: Apache-2.0
"""Reads the PNG files that the examples write, and nothing else: 8-bit RGB."""

import struct
import zlib


def read_png(path):
    """Width, height and RGB bytes; checks signature, order and checksum of every chunk."""
    with open(path, 'rb') as file:
        data = file.read()
    assert data[:8] == b'\x89PNG\r\n\x1a\n', 'not a PNG file'
    at, kinds, packed, header = 8, [], b'', None
    while at < len(data):
        length, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        checksum = struct.unpack('>I', data[at + 8 + length:at + 12 + length])[0]
        assert checksum == zlib.crc32(kind + body), 'damaged chunk'
        kinds.append(kind)
        if kind == b'IHDR':
            header = struct.unpack('>IIBBBBB', body)
        if kind == b'IDAT':
            packed += body
        at += 12 + length
    assert at == len(data) and kinds[0] == b'IHDR' and kinds[-1] == b'IEND'
    width, height, depth, color = header[:4]
    assert (depth, color) == (8, 2), 'not 8-bit RGB'
    rows = zlib.decompress(packed)
    assert len(rows) == height * (1 + 3 * width)
    return width, height, rows
