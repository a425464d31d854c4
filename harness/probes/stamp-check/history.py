"""Reads the deliveries of a run's history.bin: blocks of records in postcard's encoding (harness/record/src/history.rs).

The shapes below are those of `model::event::Event`, in its order; a record of a kind that is not among them is an error,
never skipped, for nothing says how long it is."""
import struct
import zlib

MAGIC = b"shkdhis1"


class Foreign(Exception):
    """The file is no history that this probe can read."""


class Records:
    """One block's bytes, read from the front."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self):
        """A varint; of an enum without fields, its variant."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def numbers(self, count):
        return [self.number() for _ in range(count)]

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def option(self, count=1):
        return self.numbers(count) if self.byte() else None

    def record(self):
        """("delivery", at, watcher, item, version), or None for any other."""
        kind = self.number()
        if kind == 1:
            at, watcher, item, version = self.numbers(4)
            self.option()
            self.number()
            return "delivery", at, watcher, item, version
        skip = OTHERS.get(kind)
        if skip is None:
            raise Foreign(f"a record of kind {kind}, which this probe does not know: add its shape to history.py")
        skip(self)
        return None


def publish(r):
    r.option()
    r.numbers(8)


def absent(r):
    r.numbers(3)
    r.option()
    r.number()


def corrupt(r):
    r.numbers(3)
    if r.number() == 0:
        r.number()
    r.option(2)


def read(r):
    r.numbers(5)
    r.option()
    r.byte()
    r.byte()


def final_read(r):
    r.numbers(3)
    if r.number() == 0:
        r.number()


def plain(count):
    return lambda r: r.numbers(count)


OTHERS = {
    0: publish,
    2: absent,
    3: corrupt,
    4: read,
    5: plain(3),  # Lost
    6: plain(6),  # Attempt
    7: plain(2),  # Subscribed
    8: plain(2),  # Crash
    9: plain(2),  # ColdStart
    10: final_read,
    11: plain(2),  # Lag
    12: plain(2),  # ReceiveLag
    13: plain(4),  # OwnTime
}


def deliveries(path):
    """Every delivery of a whole history: (at, watcher, item, version)."""
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Foreign(f"`{path}` does not begin as a history")
        while True:
            header = file.read(12)
            if len(header) < 12:
                raise Foreign(f"`{path}` is cut short")
            length, count, checksum = struct.unpack("<III", header)
            if length == 0 and count == 0:
                return
            data = file.read(length)
            if zlib.crc32(data) != checksum:
                raise Foreign(f"`{path}` is corrupt")
            records = Records(data)
            for _ in range(count):
                found = records.record()
                if found:
                    yield found[1:]
