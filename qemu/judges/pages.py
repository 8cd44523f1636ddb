"""Judge: for each pfn of a raw vmcore, what kind of page the kernel itself takes it for.

usage: pages.py VMCORE VMLINUX OUT [PFN,PFN,…]

OUT gets a byte a pfn: a number of CLASSES, plus ZERO when all its bytes are zero. Standard output gets counts as JSON,
and the struct page of each PFN named. What each dump level leaves out is makedumpfile(8)'s; what a page is, the kernel's.
"""

import json
import sys
import time

import drgn
from elf_core import ElfCore
from page_layout import Layout

CLASSES = ("absent", "kernel", "free", "cache", "cachePrivate", "user", "hwpoison", "offline")
ABSENT, KERNEL, FREE, CACHE, CACHE_PRIVATE, USER, HWPOISON, OFFLINE = range(len(CLASSES))
ZERO = 0x80

# SECTION_SIZE_BITS is a macro (asm/sparsemem.h): 27 on x86-64 since 2006, and on arm64 with 4 and 16 KiB pages since v5.12.
SECTION_BYTES, SECTION_BYTES_OF_64K = 1 << 27, 1 << 29
# Of mem_section.section_mem_map: SECTION_HAS_MEM_MAP (since v2.6) and SECTION_IS_ONLINE (v4.13, 2d070eab2e82).
# The memmap of a section that is not online means nothing (pfn_to_online_page()), and its pages are kept.
HAS_MEM_MAP, IS_ONLINE = 2, 4
# Flags are the low bits (SECTION_MAP_LAST_BIT). The rest is the memmap less its first pfn (sparse_encode_mem_map()): with
# SPARSEMEM_VMEMMAP, where the struct page of pfn 0 is or would be.
FLAG_BITS = 0x3f
ANON = 1


class Memmap:
    """The struct pages of the sections that are online."""

    def __init__(self, prog, layout, core):
        self.layout, self.base, self.page_size = layout, None, core.page_size
        section_bytes = SECTION_BYTES_OF_64K if core.page_size == 1 << 16 else SECTION_BYTES
        self.section_pages = section_bytes // core.page_size
        self.sections = {}
        for number in range(-(-core.max_pfn // self.section_pages)):
            encoded = self._section_mem_map(prog, number)
            if encoded & (HAS_MEM_MAP | IS_ONLINE) == HAS_MEM_MAP | IS_ONLINE:
                self.base = encoded & ~FLAG_BITS
                at = self.base + number * self.section_pages * layout.page_bytes
                self.sections[number] = prog.read(at, self.section_pages * layout.page_bytes)

    def _section_mem_map(self, prog, number):
        sections = prog["mem_section"]
        per_root = self.page_size // prog.type("struct mem_section").size
        root = sections[number // per_root]
        return root[number % per_root].section_mem_map.value_() if root else 0

    def page(self, pfn):
        """The bytes of one struct page; None where there is none."""
        section = self.sections.get(pfn // self.section_pages)
        at = pfn % self.section_pages * self.layout.page_bytes
        return section and section[at : at + self.layout.page_bytes]

    def pfn_of(self, address):
        return (address - self.base) // self.layout.page_bytes

    def column(self, number, offset, size):
        """One field of all struct pages of a section."""
        view = memoryview(self.sections[number]).cast("Q" if size == 8 else "I")
        return view[offset // size :: self.layout.page_bytes // size].tolist()


def word(page, offset, size=8):
    return int.from_bytes(page[offset : offset + size], "little")


def classify(memmap, max_pfn):
    layout = memmap.layout
    classes = bytearray([KERNEL]) * max_pfn
    done = 0  # pages below this pfn belong to a block that began earlier
    for number in sorted(memmap.sections):
        first = number * memmap.section_pages
        flags = memmap.column(number, layout.flags_at, 8)
        mapping = memmap.column(number, layout.mapping_at, 8)
        types = memmap.column(number, layout.type_at, 4)
        compound = memmap.column(number, layout.compound_at, 8)
        for i in range(memmap.section_pages):
            pfn = first + i
            if pfn < done:
                continue
            if compound[i] & 1:
                continue  # the tail of a kernel page
            kind, pages = judge(memmap, pfn, flags[i], mapping[i], types[i])
            if kind == KERNEL:
                continue
            end = min(pfn + pages, max_pfn)
            classes[pfn:end] = bytes([kind]) * (end - pfn)
            done = pfn + pages
        # PG_hwpoison belongs to a single page, whatever it is a part of.
        for i, flag_word in enumerate(flags):
            if flag_word & layout.hwpoison and first + i < max_pfn:
                classes[first + i] = HWPOISON
    return classes


def judge(memmap, pfn, flags, mapping, type_):
    """The class of a page that is not a tail, and how many pages from here on share it."""
    layout = memmap.layout
    slab = layout.is_slab(flags, type_)
    if not slab:
        if layout.is_type(type_, layout.buddy):
            order = word(memmap.page(pfn), layout.private_at)
            return (FREE, 1 << order) if order <= layout.max_order else (KERNEL, 1)
        if layout.unaccepted is not None and layout.is_type(type_, layout.unaccepted):
            return FREE, 1 << layout.max_order
    hugetlb, pages = False, 1
    if flags & layout.head:
        second = memmap.page(pfn + 1)
        hugetlb, pages = layout.is_hugetlb(type_, second), 1 << second[layout.order_at]
        if pages > 1 << 30 or pfn % pages:
            hugetlb, pages = False, 1
    if hugetlb:
        # For a hugetlb page only the whole is marked as poisoned.
        return HWPOISON if flags & layout.hwpoison else USER, pages
    if slab:
        return KERNEL, 1
    if layout.has_type(type_):
        return (OFFLINE, pages) if layout.is_type(type_, layout.offline) else (KERNEL, 1)
    if mapping & ANON:
        return USER, pages
    if flags & layout.lru or (flags & layout.swap_backed and flags & layout.swap_cache):
        return (CACHE_PRIVATE if flags & layout.private else CACHE), pages
    return KERNEL, 1


def free_by_lists(prog, memmap, max_pfn):
    """The free pages as the allocator finds them: zone by zone, order by order, along the lists."""
    layout = memmap.layout
    free = bytearray(max_pfn)
    problems = []
    area_type = prog.type("struct zone").member("free_area").type.type
    list_count = area_type.member("free_list").type.length
    for zone in zones(prog):
        for order in range(layout.max_order + 1):
            area = zone.free_area[order]
            for kind in range(list_count):
                head = area.free_list[kind].address_of_().value_()
                at = area.free_list[kind].next.value_()
                seen = 0
                while at != head:
                    pfn = memmap.pfn_of(at - layout.next_at)
                    page = memmap.page(pfn)
                    seen += 1
                    if page is None or seen > max_pfn:
                        problems.append(f"the free list of order {order} leads out of the memmap at {at:#x}")
                        break
                    end = min(pfn + (1 << order), max_pfn)
                    free[pfn:end] = b"\1" * (end - pfn)
                    at = word(page, layout.next_at)
    return free, problems


def zones(prog):
    nodes = prog["node_data"]
    for number in range(nodes.type_.length):
        node = nodes[number]
        if not node:
            continue
        for zone in node.node_zones:
            if zone.present_pages.value_() > 0:
                yield zone


def mark_zeros(core, classes):
    size = core.page_size
    zeros = bytes(size)
    for pfn, offset in core.whole_pages():
        # Most pages with data have some in their first bytes, and need no copy.
        if core.bytes[offset] == 0 and core.bytes[offset : offset + size] == zeros:
            classes[pfn] |= ZERO


def describe(memmap, pfn):
    page, layout = memmap.page(pfn), memmap.layout
    if page is None:
        return {"pfn": pfn, "memmap": None}
    return {
        "pfn": pfn,
        "flags": f"{word(page, layout.flags_at):#x}",
        "page_type": f"{word(page, layout.type_at, 4):#x}",
        "mapping": f"{word(page, layout.mapping_at):#x}",
        "compound": f"{word(page, layout.compound_at):#x}",
        "private": f"{word(page, layout.private_at):#x}",
    }


def main(vmcore, vmlinux, out, named=""):
    started = time.monotonic()
    core = ElfCore(vmcore)
    prog = drgn.Program()
    prog.set_core_dump(vmcore)
    prog.load_debug_info([vmlinux])
    memmap = Memmap(prog, Layout(prog), core)
    classes = classify(memmap, core.max_pfn)
    listed, problems = free_by_lists(prog, memmap, core.max_pfn)
    unlike = [pfn for pfn in range(core.max_pfn) if listed[pfn] != (classes[pfn] == FREE)]
    for pfn, present in enumerate(core.presence()):
        if not present:
            classes[pfn] = ABSENT
    mark_zeros(core, classes)
    with open(out, "wb") as file:
        file.write(classes)
    json.dump(
        {
            "release": prog["init_uts_ns"].name.release.string_().decode(),
            "maxPfn": core.max_pfn,
            "hwpoisonKnown": memmap.layout.hwpoison != 0,
            "classes": {name: classes.count(i) + classes.count(i | ZERO) for i, name in enumerate(CLASSES)},
            "zero": {name: classes.count(i | ZERO) for i, name in enumerate(CLASSES)},
            # Both come from the allocator. A CPU that was stopped inside of it can leave a block that only one of them knows.
            "freeListsUnlikeMemmap": unlike[:100],
            "problems": problems,
            "described": [describe(memmap, int(pfn)) for pfn in named.split(",") if pfn],
            "seconds": round(time.monotonic() - started, 2),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
