"""Judge: what tables a crashed kernel held, by its debug symbols: modules, memory, mounts, open files.

usage: kernel_tables.py DUMP VMLINUX

Standard output gets them as JSON. Addresses are strings in hexadecimal.
"""

import json
import sys

import drgn
from drgn.helpers.linux.fs import d_path, for_each_file, for_each_mount, mount_dst, mount_fstype, mount_src
from drgn.helpers.linux.hugetlb import for_each_hstate, huge_page_size, hugetlb_total_usage
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mm import totalram_pages, vm_commit_limit, vm_memory_committed
from drgn.helpers.linux.mmzone import high_wmark_pages, low_wmark_pages, min_wmark_pages
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.nodemask import for_each_online_node
from drgn.helpers.linux.mmzone import NODE_DATA
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.slab import for_each_slab_cache
from drgn.helpers.linux.swap import swap_total_usage, total_swapcache_pages
from drgn.helpers.linux.vmstat import global_node_page_state, global_zone_page_state, zone_page_state
from stopped_cpus import count_stopped_cpus

count_stopped_cpus()

TAINTS = "PFSRMBUDAWCIOELKXTNJ"
STATES = ("Live", "Loading", "Unloading", "Unformed")
S_IFMT = 0o170000


def address(pointer):
    return hex(pointer.value_())


def text(chars):
    return chars.string_().decode(errors="replace")


def modules(prog):
    def size_of(module):
        if module.prog_.type("struct module").has_member("mem"):
            return sum(memory.size.value_() for memory in module.mem)
        return module.core_layout.size.value_() + module.init_layout.size.value_()

    def base_of(module):
        if module.prog_.type("struct module").has_member("mem"):
            return module.mem[prog["MOD_TEXT"]].base
        return module.core_layout.base

    for module in for_each_module(prog):
        users = list_for_each_entry("struct module_use", module.source_list.address_of_(), "source_list")
        taints = module.taints.value_()
        yield {
            "name": text(module.name),
            "address": address(module),
            "base": address(base_of(module)),
            "sizeBytes": size_of(module),
            "state": STATES[module.state.value_()],
            "taints": "".join(letter for bit, letter in enumerate(TAINTS) if taints >> bit & 1),
            "references": module.refcnt.counter.value_() - 1,
            "usedBy": [text(use.source.name) for use in users],
        }


def zones(prog):
    for node in for_each_online_node(prog):
        for zone in NODE_DATA(prog, node).node_zones:
            if not zone.present_pages:
                continue
            yield {
                "node": node,
                "name": text(zone.name),
                "address": hex(zone.address_),
                "free": zone_page_state(zone.address_of_(), prog["NR_FREE_PAGES"]),
                "min": int(min_wmark_pages(zone.address_of_())),
                "low": int(low_wmark_pages(zone.address_of_())),
                "high": int(high_wmark_pages(zone.address_of_())),
                "managed": zone.managed_pages.counter.value_(),
                "present": zone.present_pages.value_(),
                "spanned": zone.spanned_pages.value_(),
                "startPfn": zone.zone_start_pfn.value_(),
                "freeBlocks": [area.nr_free.value_() for area in zone.free_area],
            }


def slab_caches(prog):
    """Counted on the lists themselves: the objects of each partial slab one by one."""
    try:
        prog.type("struct slab")
        slab_type = "struct slab"
    except LookupError:
        slab_type = "struct page"
    for cache in for_each_slab_cache(prog):
        slabs = objects = free = 0
        for number in for_each_online_node(prog):
            has_pair = cache.type_.type.has_member("per_node")
            node = cache.per_node[number].node if has_pair else cache.node[number]
            if not node:
                continue
            slabs += node.nr_slabs.counter.value_()
            objects += node.total_objects.counter.value_()
            for slab in list_for_each_entry(slab_type, node.partial.address_of_(), "slab_list"):
                free += slab.objects.value_() - slab.inuse.value_()
        yield {
            "name": text(cache.name),
            "address": address(cache),
            "objectBytes": cache.object_size.value_(),
            "sizeBytes": cache.size.value_(),
            "slabBytes": 4096 << (cache.oo.x.value_() >> 16),
            "objectsPerSlab": cache.oo.x.value_() & 0xFFFF,
            "usage": {"slabs": slabs, "objects": objects, "inUse": objects - free},
        }


def huge_pages(prog):
    for number, pool in enumerate(for_each_hstate(prog)):
        yield {
            "pageBytes": huge_page_size(pool).value_(),
            "total": pool.nr_huge_pages.value_(),
            "free": pool.free_huge_pages.value_(),
            "reserved": pool.resv_huge_pages.value_(),
            "surplus": pool.surplus_huge_pages.value_(),
            "isDefault": number == prog["default_hstate_idx"].value_(),
            "nodes": [
                {
                    "node": node,
                    "total": pool.nr_huge_pages_node[node].value_(),
                    "free": pool.free_huge_pages_node[node].value_(),
                    "surplus": pool.surplus_huge_pages_node[node].value_(),
                }
                for node in for_each_online_node(prog)
            ],
        }


def mounts(prog):
    for mount in for_each_mount(prog):
        parts = (mount_fstype(mount), mount_src(mount), mount_dst(mount))
        kind, device, directory = (part.decode(errors="replace") for part in parts)
        yield {
            "mount": address(mount),
            "superBlock": address(mount.mnt.mnt_sb),
            "type": kind,
            "device": device,
            "directory": directory,
            "isReadOnly": bool(mount.mnt.mnt_flags & 0x40 or mount.mnt.mnt_sb.s_flags & 1),
        }


def processes(prog):
    for task in for_each_task(prog):
        files = []
        for number, file in for_each_file(task) if task.files else ():
            files.append(
                {
                    "fd": number,
                    "file": address(file),
                    "dentry": address(file.f_path.dentry),
                    "inode": address(file.f_inode),
                    "mode": file.f_inode.i_mode.value_() & S_IFMT,
                    "path": path_text(file.f_path),
                }
            )
        yield {
            "pid": task.pid.value_(),
            "address": address(task),
            "root": path_text(task.fs.root) if task.fs else None,
            "cwd": path_text(task.fs.pwd) if task.fs else None,
            "files": files,
        }


def path_text(path):
    return d_path(path).decode(errors="replace")


def meminfo(prog):
    """In kB, but for numbers of huge pages."""
    page_kb = prog["PAGE_SIZE"].value_() // 1024

    def counted(*names):
        total = 0
        for name in names:
            item = prog.constant(name)
            of_zones = "zone_stat_item" in str(item.type_)
            total += (global_zone_page_state if of_zones else global_node_page_state)(prog, item)
        return total

    def long(name):
        variable = prog[name]
        return (variable.counter if variable.type_.kind == drgn.TypeKind.TYPEDEF else variable).value_()

    low = sum(
        int(low_wmark_pages(zone.address_of_()))
        for node in for_each_online_node(prog)
        for zone in NODE_DATA(prog, node).node_zones
    )

    def available():
        cache = counted("NR_ACTIVE_FILE", "NR_INACTIVE_FILE")
        reclaimable = counted("NR_SLAB_RECLAIMABLE_B", "NR_KERNEL_MISC_RECLAIMABLE")
        free = counted("NR_FREE_PAGES") - long("totalreserve_pages")
        return free + cache - min(cache // 2, low) + reclaimable - min(reclaimable // 2, low)

    block = prog["blockdev_superblock"]
    inodes = list_for_each_entry("struct inode", block.s_inodes.address_of_(), "i_sb_list")
    buffers = sum(inode.i_mapping.nrpages.value_() for inode in inodes)
    swap, swap_cache = swap_total_usage(prog), total_swapcache_pages(prog)
    rows = {
        "MemTotal": totalram_pages(prog),
        "MemFree": counted("NR_FREE_PAGES"),
        "MemAvailable": available(),
        "Buffers": buffers,
        "Cached": counted("NR_FILE_PAGES") - swap_cache - buffers,
        "SwapCached": swap_cache,
        "SwapTotal": swap.pages,
        "SwapFree": swap.free_pages,
        "CommitLimit": vm_commit_limit(prog),
        "Committed_AS": vm_memory_committed(prog),
        "Percpu": long("pcpu_nr_populated") * prog["pcpu_nr_units"].value_(),
        "AnonHugePages": counted("NR_ANON_THPS") * thp_unit(prog),
    }
    if "num_poisoned_pages" in prog:
        rows["HardwareCorrupted"] = long("num_poisoned_pages")
    for name, counters in COUNTED.items():
        rows[name] = counted(*counters)
    rows = {name: pages * page_kb for name, pages in rows.items()}
    rows["KernelStack"] = counted("NR_KERNEL_STACK_KB")
    rows["Hugetlb"] = hugetlb_total_usage(prog).pages * page_kb
    # Only x86 counts them.
    for name, level, shift in (("DirectMap4k", 1, 2), ("DirectMap2M", 2, 11)):
        if "direct_pages_count" in prog:
            rows[name] = prog["direct_pages_count"][level].value_() << shift
    for pool in huge_pages(prog):
        if pool["isDefault"]:
            rows["HugePages_Total"], rows["HugePages_Free"] = pool["total"], pool["free"]
            rows["HugePages_Rsvd"], rows["HugePages_Surp"] = pool["reserved"], pool["surplus"]
            rows["Hugepagesize"] = pool["pageBytes"] // 1024
    return rows


def thp_unit(prog):
    """Pages in a unit of NR_ANON_THPS, which counted huge pages until v5.11."""
    try:
        prog.constant("NR_SWAPCACHE")
        return 1
    except LookupError:
        return 512


COUNTED = {
    "Active": ("NR_ACTIVE_ANON", "NR_ACTIVE_FILE"),
    "Inactive": ("NR_INACTIVE_ANON", "NR_INACTIVE_FILE"),
    "Active(anon)": ("NR_ACTIVE_ANON",),
    "Inactive(anon)": ("NR_INACTIVE_ANON",),
    "Active(file)": ("NR_ACTIVE_FILE",),
    "Inactive(file)": ("NR_INACTIVE_FILE",),
    "Unevictable": ("NR_UNEVICTABLE",),
    "Mlocked": ("NR_MLOCK",),
    "Dirty": ("NR_FILE_DIRTY",),
    "Writeback": ("NR_WRITEBACK",),
    "AnonPages": ("NR_ANON_MAPPED",),
    "Mapped": ("NR_FILE_MAPPED",),
    "Shmem": ("NR_SHMEM",),
    "KReclaimable": ("NR_SLAB_RECLAIMABLE_B", "NR_KERNEL_MISC_RECLAIMABLE"),
    "Slab": ("NR_SLAB_RECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE_B"),
    "SReclaimable": ("NR_SLAB_RECLAIMABLE_B",),
    "SUnreclaim": ("NR_SLAB_UNRECLAIMABLE_B",),
    "PageTables": ("NR_PAGETABLE",),
}


def main(dump, vmlinux):
    prog = drgn.Program()
    prog.set_core_dump(dump)
    # Modules need no symbols of their own: only the kernel's types are used.
    prog.load_debug_info([vmlinux])
    lists = (modules, zones, slab_caches, huge_pages, mounts, processes)
    tables = {part.__name__: list(part(prog)) for part in lists}
    json.dump({**tables, "meminfo": meminfo(prog)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
