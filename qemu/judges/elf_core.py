"""A raw vmcore (ELF core): which physical pages it has, and their bytes. Shares no code with kdumpling."""

import mmap
import re
import struct

# For a core without vmcoreinfo: that of x86-64.
USUAL_PAGE_BYTES = 4096
PT_LOAD, PT_NOTE = 1, 4


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
        self.page_size = self._page_size(headers)
        self.max_pfn = max(-(-end // self.page_size) for _, end, _ in self.loads)

    def _page_size(self, headers):
        """That of the kernel (vmcoreinfo's PAGESIZE), which differs among arm64's."""
        notes = b"".join(self.bytes[h[2] : h[2] + h[5]] for h in headers if h[0] == PT_NOTE)
        found = re.search(rb"^PAGESIZE=(\d+)$", notes, re.MULTILINE)
        return int(found[1]) if found else USUAL_PAGE_BYTES

    def presence(self):
        """One byte for each pfn: 1 where a segment has at least a part of the page."""
        present = bytearray(self.max_pfn)
        for start, end, _ in self.loads:
            first, last = start // self.page_size, -(-end // self.page_size)
            present[first:last] = b"\1" * (last - first)
        return present

    def whole_pages(self):
        """(pfn, file offset) of each page that is wholly in one segment: each pfn once, in the segments' order."""
        seen = bytearray(self.max_pfn)
        for start, end, offset in self.loads:
            for pfn in range(-(-start // self.page_size), end // self.page_size):
                if not seen[pfn]:
                    seen[pfn] = 1
                    yield pfn, offset + pfn * self.page_size - start
