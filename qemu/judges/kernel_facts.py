"""Judge: what a crashed kernel's tasks, symbols and types are, by its debug symbols.

usage: kernel_facts.py DUMP VMLINUX

Standard output gets them as JSON. Addresses are strings in hexadecimal.
"""

import json
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu, for_each_possible_cpu
from drgn.helpers.linux.kallsyms import module_kallsyms
from drgn.helpers.linux.mm import task_rss, task_vsize
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import cpu_rq, idle_task, task_cpu
from stopped_cpus import count_stopped_cpus

count_stopped_cpus()

PF_KTHREAD = 0x00200000
# Of the symbols of vmlinux, which has some 200,000.
EVERY = 40
KINDS = (drgn.SymbolKind.FUNC, drgn.SymbolKind.OBJECT)
# What an autopsy reads, and what is odd: bit fields, unions, nested anonymous members, arrays of structs.
STRUCTS = """
    task_struct mm_struct signal_struct rq cfs_rq module mod_kallsyms list_head hlist_node rb_node xarray xa_node idr pid
    pid_namespace page zone pglist_data kmem_cache kmem_cache_node percpu_counter super_block file_system_type inode
    dentry file fdtable files_struct path qstr vfsmount mount mnt_namespace nsproxy vm_area_struct mutex rw_semaphore
    cpumask thread_struct pt_regs orc_entry inactive_task_frame socket sock sk_buff net_device request_queue gendisk
    block_device bio workqueue_struct pool_workqueue timer_list hrtimer cred user_struct cgroup css_set kobject
    device hstate swap_info_struct address_space folio
""".split()


def address(value):
    return f"{value & 0xFFFFFFFFFFFFFFFF:x}"


def text(chars):
    return chars.string_().decode("latin1")


def state_bits(task):
    state = task.__state if hasattr(task, "__state") else task.state
    return state.value_() | task.exit_state.value_()


def tasks(prog):
    idle = [(idle_task(prog, cpu), cpu) for cpu in for_each_possible_cpu(prog)]
    for task, cpu in [(task, task_cpu(task)) for task in for_each_task(prog)] + idle:
        is_kernel_thread = bool(task.flags.value_() & PF_KTHREAD)
        yield {
            "address": address(task.value_()),
            "pid": task.pid.value_(),
            "tgid": task.tgid.value_(),
            "ppid": task.real_parent.tgid.value_(),
            "comm": text(task.comm),
            "stateBits": state_bits(task),
            "cpu": cpu,
            "isKernelThread": is_kernel_thread,
            "stack": address(task.stack.value_()),
            **(
                {"residentPages": task_rss(task).total, "virtualBytes": task_vsize(task)}
                if task.mm and not is_kernel_thread
                else {}
            ),
        }


def cpus(prog):
    online = set(for_each_online_cpu(prog))
    for cpu in for_each_possible_cpu(prog):
        rq = cpu_rq(prog, cpu)
        yield {
            "cpu": cpu,
            "isOnline": cpu in online,
            "runqueue": address(rq.value_()),
            "current": address(rq.curr.value_()),
            "idle": address(rq.idle.value_()),
            "runnable": rq.nr_running.value_(),
        }


def symbols(prog):
    found = [symbol for symbol in prog.symbols() if symbol.kind in KINDS and symbol.size > 0]
    for symbol in sorted(found, key=lambda one: (one.address, one.name))[::EVERY]:
        yield [symbol.name, address(symbol.address), symbol.size]


def module_symbols(prog):
    for module in for_each_module(prog):
        for symbol in module_kallsyms(module):
            if symbol.kind in KINDS and symbol.size > 0:
                yield [symbol.name, address(symbol.address), symbol.size, text(module.name)]


def layouts(prog):
    for name in STRUCTS:
        try:
            struct = prog.type(f"struct {name}")
        except LookupError:
            continue
        if struct.is_complete():
            yield name, {"bytes": struct.size, "members": dict(members(struct, 0))}


def members(struct, base):
    """Bit offset and width in bits of a bit field, by name. As a look-up in C does, the first of a name counts."""
    seen = {}
    for member in struct.members or ():
        if member.name is None:
            for name, place in members(member.type, base + member.bit_offset):
                seen.setdefault(name, place)
        else:
            seen.setdefault(member.name, [base + member.bit_offset, member.bit_field_size])
    return seen.items()


def main(dump, vmlinux):
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info([vmlinux])
    json.dump(
        {
            "tasks": list(tasks(prog)),
            "cpus": list(cpus(prog)),
            "symbols": list(symbols(prog)),
            "moduleSymbols": list(module_symbols(prog)),
            "layouts": dict(layouts(prog)),
            "crashedPid": prog.crashed_thread().tid,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
