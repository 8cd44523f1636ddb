"""Judge: does a dump make sense as a kernel? drgn walks what an engineer would look at, with the debug symbols.

usage: walk.py DUMP VMLINUX

Each part of the walk is strict: whatever cannot be read, or does not end, is a problem. Standard output gets, as JSON,
for each part how many things it saw and a digest of them: the same walk over the raw vmcore must see the same.
"""

import hashlib
import itertools
import json
import sys
import time

import drgn
from drgn.helpers.linux.cpumask import for_each_possible_cpu
from drgn.helpers.linux.fs import d_path, for_each_file, for_each_mount, mount_dst, mount_fstype, mount_src
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mm import compound_head, for_each_vma, for_each_vmap_area, page_to_virt, virt_to_page
from drgn.helpers.linux.module import for_each_module, module_address_regions
from drgn.helpers.linux.nodemask import for_each_online_node
from drgn.helpers.linux.percpu import per_cpu_ptr
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.printk import get_dmesg
from drgn.helpers.linux.slab import for_each_slab_cache

# A longer list is broken and never ends.
MAX_ITEMS = 1_000_000
MAX_PROBLEMS = 50
# For each cache: enough to touch slab pages of each kind, few enough to take seconds.
SLABS_A_CACHE = 50
# The smallest that kernels have (arch/x86/include/asm/page_64_types.h, arch/arm64/include/asm/memory.h).
STACK_BYTES = 1 << 14


def bounded(items):
    for number, item in enumerate(items):
        if number >= MAX_ITEMS:
            raise ValueError(f"the list does not end after {MAX_ITEMS} items")
        yield item


def tasks(prog):
    for task in bounded(for_each_task(prog)):
        yield f"{task.pid.value_()} {text(task.comm)} {task.parent.pid.value_()} {task.flags.value_():#x}"


def stacks(prog):
    """The memory of each kernel stack, and as many of its frames as drgn can unwind."""
    for task in bounded(for_each_task(prog)):
        if task.stack:
            prog.read(task.stack, STACK_BYTES)
        frames = [frame.name for frame in prog.stack_trace(task)]
        if not frames:
            raise ValueError(f"task {task.pid.value_()} has no stack frame")
        yield f"{task.pid.value_()} {' '.join(frames)}"


def crashed_thread(prog):
    thread = prog.crashed_thread()
    frames = [frame.name for frame in thread.stack_trace()]
    if len(frames) < 3:
        raise ValueError(f"the crashed thread's stack is only {' '.join(frames) or 'empty'}")
    yield f"{thread.tid} {' '.join(frames)}"


def kernel_log(prog):
    yield from get_dmesg(prog).decode(errors="replace").splitlines()


def mounts(prog):
    for mount in bounded(for_each_mount(prog)):
        parts = (mount_src(mount), mount_dst(mount), mount_fstype(mount))
        yield " ".join(part.decode(errors="replace") for part in parts)


def inodes(prog):
    for block in list_for_each_entry("struct super_block", prog["super_blocks"].address_of_(), "s_list"):
        for inode in bounded(list_for_each_entry("struct inode", block.s_inodes.address_of_(), "i_sb_list")):
            mode, pages = inode.i_mode.value_(), inode.i_mapping.nrpages.value_()
            yield f"{text(block.s_id)} {inode.i_ino.value_()} {mode:o} {inode.i_size.value_()} {pages}"


def open_files(prog):
    for task in bounded(for_each_task(prog)):
        if not task.files:
            continue
        for number, file in bounded(for_each_file(task)):
            yield f"{task.pid.value_()} {number} {d_path(file.f_path).decode(errors='replace')}"


def mappings(prog):
    for task in bounded(for_each_task(prog)):
        if not task.mm:
            continue
        for vma in bounded(for_each_vma(task.mm)):
            path = d_path(vma.vm_file.f_path).decode(errors="replace") if vma.vm_file else ""
            yield f"{task.pid.value_()} {vma.vm_start.value_():#x}-{vma.vm_end.value_():#x} {path}"


def modules(prog):
    for module in bounded(for_each_module(prog)):
        sizes = []
        for start, size in module_address_regions(module):
            prog.read(start, size)
            sizes.append(size)
        yield f"{text(module.name)} {sizes}"


def slab_caches(prog):
    for cache in bounded(for_each_slab_cache(prog)):
        yield f"{text(cache.name)} {cache.object_size.value_()} {cache.flags.value_():#x}"


def slabs(prog):
    """Slabs on the lists of caches: read completely, with the free objects in them."""
    slab_type = "struct slab" if has_type(prog, "struct slab") else "struct page"
    link = "slab_list" if prog.type(slab_type).has_member("slab_list") else "lru"
    for cache in bounded(for_each_slab_cache(prog)):
        slabs = []
        for node in nodes_of(cache):
            partial = list_for_each_entry(slab_type, node.partial.address_of_(), link)
            slabs += itertools.islice(partial, SLABS_A_CACHE)
        for slab in slabs + slabs_of_cpus(prog, cache, slab_type):
            if slab.slab_cache.value_() != cache.value_():
                raise ValueError(f"a slab of {text(cache.name)} belongs to another cache")
            yield f"{text(cache.name)} {digest(read_slab(prog, cache, slab))}"


def nodes_of(cache):
    """The array is declared for the largest number of nodes, and allocated for the possible ones."""
    for number in for_each_online_node(cache.prog_):
        # Linux commit 5ba6bc27b1f9, v7.1 ("slab: decouple pointer to barn from kmem_cache_node").
        has_pair = cache.type_.type.has_member("per_node")
        node = cache.per_node[number].node if has_pair else cache.node[number]
        if node:
            yield node


def slabs_of_cpus(prog, cache, slab_type):
    slabs = []
    for cpu in for_each_possible_cpu(prog):
        if cache.type_.type.has_member("cpu_slab"):
            of_cpu = per_cpu_ptr(cache.cpu_slab, cpu)
            slabs.append(of_cpu.slab if slab_type == "struct slab" else of_cpu.page)
        if cache.type_.type.has_member("cpu_sheaves") and cache.cpu_sheaves:
            # Free objects in sheaves (v6.18), each in a slab of the cache.
            sheaf = per_cpu_ptr(cache.cpu_sheaves, cpu).main
            at_hand = [sheaf.objects[i] for i in range(sheaf.size)] if sheaf else []
            slabs += [drgn.cast(f"{slab_type} *", compound_head(virt_to_page(object_))) for object_ in at_hand]
    return [slab for slab in slabs if slab]


def read_slab(prog, cache, slab):
    page = drgn.cast("struct page *", slab)
    address = page_to_virt(page).value_()
    return prog.read(address, slab.objects.value_() * cache.size.value_())


def per_cpu(prog):
    for cpu in for_each_possible_cpu(prog):
        queue = per_cpu_ptr(prog["runqueues"].address_of_(), cpu)
        current = queue.curr
        yield f"{cpu} {queue.nr_running.value_()} {current.pid.value_()} {text(current.comm)}"


def vmalloc(prog):
    """Each vmalloc'ed area (not device memory): its pages through the page tables."""
    VM_ALLOC = 0x2
    page_bytes = prog["PAGE_SIZE"].value_()
    for area in bounded(for_each_vmap_area(prog)):
        vm = area.vm
        if not vm or not vm.flags.value_() & VM_ALLOC or not vm.nr_pages:
            continue
        # Read through the direct map, page by page: page tables may lack pages that are freed together with the area.
        content = b"".join(
            prog.read(page_to_virt(vm.pages[i]).value_(), page_bytes)
            for i in range(vm.nr_pages.value_())
        )
        yield f"{area.va_start.value_():#x} {len(content)} {digest(content)}"


def text(chars):
    return chars.string_().decode(errors="replace")


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def has_type(prog, name):
    try:
        prog.type(name)
        return True
    except LookupError:
        return False


PARTS = (
    tasks,
    stacks,
    crashed_thread,
    kernel_log,
    mounts,
    inodes,
    open_files,
    mappings,
    modules,
    slab_caches,
    slabs,
    per_cpu,
    vmalloc,
)


def walk(prog, part, problems):
    """The number of objects that the part saw, and a digest of them. An exception is a problem of the dump."""
    started, seen, hashed = time.monotonic(), 0, hashlib.sha256()
    try:
        for line in part(prog):
            seen += 1
            hashed.update(line.encode() + b"\n")
        if seen == 0:
            problems.append(f"{part.__name__}: there are none")
    except Exception as error:
        if len(problems) < MAX_PROBLEMS:
            problems.append(f"{part.__name__}: after {seen}: {type(error).__name__}: {error}")
    seconds = round(time.monotonic() - started, 2)
    return {"seen": seen, "digest": hashed.hexdigest()[:16], "seconds": seconds}


def main(dump, vmlinux):
    prog, parts, problems = drgn.Program(), {}, []
    try:
        prog.set_core_dump(dump)
    except Exception as error:
        problems.append(f"drgn does not open it: {error}")
    else:
        # Modules have no symbols here, and need none: only the kernel's own types are used.
        prog.load_debug_info([vmlinux])
        parts = {part.__name__: walk(prog, part, problems) for part in PARTS}
    json.dump({"parts": parts, "problems": problems}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
