"""A raw vmcore (ELF core): which physical pages it has, and their bytes. Shares no code with kdumpling."""

import mmap
import struct

PAGE_BYTES = 4096
PT_LOAD = 1


class ElfCore:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.bytes[:5] != b"\x7fELF\x02":
            raise ValueError(f"Cannot read {path}: it is no 64-bit ELF file; a raw vmcore")
        at, size, count = (*struct.unpack_from("<Q", self.bytes, 32), *struct.unpack_from("<HH", self.bytes, 54))
        headers = [struct.unpack_from("<IIQQQQQ", self.bytes, at + i * size) for i in range(count)]
        # (first paddr, paddr after the last byte in the file, file offset of the first)
        self.loads = [(h[4], h[4] + h[5], h[2]) for h in headers if h[0] == PT_LOAD and h[5] > 0]
        self.max_pfn = max(-(-end // PAGE_BYTES) for _, end, _ in self.loads)

    def presence(self):
        """One byte for each pfn: 1 where a segment has at least a part of the page."""
        present = bytearray(self.max_pfn)
        for start, end, _ in self.loads:
            first, last = start // PAGE_BYTES, -(-end // PAGE_BYTES)
            present[first:last] = b"\1" * (last - first)
        return present

    def whole_pages(self):
        """(pfn, file offset) of each page that is wholly in one segment: each pfn once, in the segments' order."""
        seen = bytearray(self.max_pfn)
        for start, end, offset in self.loads:
            for pfn in range(-(-start // PAGE_BYTES), end // PAGE_BYTES):
                if not seen[pfn]:
                    seen[pfn] = 1
                    yield pfn, offset + pfn * PAGE_BYTES - start
