"""Judge: are the pages of a dump the pages of the raw vmcore? Read by libkdumpfile, compared byte for byte.

usage: content.py DUMP VMCORE OUT

OUT gets a byte a pfn: 1 where the dump gives the page. Standard output gets what is wrong, as JSON. Each pfn that the
vmcore has is read, and of each hole the first and the last.
"""

import json
import sys
import time

import kdumpfile
from elf_core import ElfCore

MAX_NAMED = 100


class Findings:
    def __init__(self):
        self.count, self.named = 0, []

    def add(self, finding):
        self.count += 1
        if self.count <= MAX_NAMED:
            self.named.append(finding)


def open_dump(file):
    dump = kdumpfile.Context()
    dump.attr["file.fd"] = file.fileno()
    dump.attr["addrxlat.ostype"] = "linux"
    dump.attr["max_pfn"]  # libkdumpfile reports here what it does not understand
    return dump


def page_at_edge(core, pfn):
    """A page that segments cover in parts: bytes that no segment has are zeros."""
    page, begin = bytearray(core.page_size), pfn * core.page_size
    for start, end, offset in core.loads:
        first, last = max(start, begin), min(end, begin + core.page_size)
        if first < last:
            page[first - begin : last - begin] = core.bytes[offset + first - start : offset + last - start]
    return bytes(page)


def asked_for(present, max_pfn):
    """The pfns to read: those of the vmcore, and the edges of its holes. Reading a missing page is slower than a page."""
    for pfn in range(max_pfn):
        here = pfn < len(present) and present[pfn]
        if here or pfn in (0, len(present), max_pfn - 1) or present[pfn - 1 : pfn] == b"\1":
            yield pfn
        elif present[pfn + 1 : pfn + 2] == b"\1":
            yield pfn


def main(dump_path, vmcore_path, out):
    started = time.monotonic()
    core = ElfCore(vmcore_path)
    whole, size = dict(core.whole_pages()), core.page_size
    different, unreadable, foreign = Findings(), Findings(), Findings()
    with open(dump_path, "rb") as file:
        dump = open_dump(file)
        max_pfn = max(dump.attr["max_pfn"], core.max_pfn)
        present, readable = core.presence(), bytearray(max_pfn)
        read, address_space, no_data = dump.read, kdumpfile.MACHPHYSADDR, kdumpfile.NoDataError
        for pfn in asked_for(present, max_pfn):
            try:
                page = read(address_space, pfn * size, size)
            except no_data:
                continue
            except kdumpfile.KdumpfileError as error:
                unreadable.add({"pfn": pfn, "error": str(error)})
                continue
            readable[pfn] = 1
            offset = whole.get(pfn)
            if offset is not None:
                expected = core.bytes[offset : offset + size]
            elif pfn < core.max_pfn and present[pfn]:
                expected = page_at_edge(core, pfn)
            else:
                foreign.add({"pfn": pfn})
                continue
            if page != expected:
                at = next(i for i in range(size) if page[i : i + 1] != expected[i : i + 1])
                different.add({"pfn": pfn, "firstDifferentByte": at})
    with open(out, "wb") as file:
        file.write(readable)
    json.dump(
        {
            "format": str(dump.attr["file.format"]),
            "readable": sum(readable),
            "different": vars(different),
            "unreadable": vars(unreadable),
            "foreign": vars(foreign),
            "seconds": round(time.monotonic() - started, 2),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
