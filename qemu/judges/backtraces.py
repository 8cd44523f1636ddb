"""Judge: the backtrace of every task, by drgn with the kernel's debug symbols (DWARF).

usage: backtraces.py DUMP VMLINUX

Standard output gets, as JSON, for each task its PID, the address of its task_struct and its frames, innermost first:
the address, the function's name in the debug symbols, the ELF symbol's, and whether the function was inlined there.
Modules have no debug symbols here: drgn unwinds their code by ORC and knows no names in it.
"""

import json
import sys

import drgn
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import idle_task
from drgn.helpers.linux.cpumask import for_each_present_cpu


def frame_of(frame):
    try:
        symbol = frame.symbol().name
    except LookupError:
        symbol = None
    return {
        "address": f"{frame.pc:#x}" if has_pc(frame) else None,
        "name": frame.name,
        "symbol": symbol,
        "inline": frame.is_inline,
    }


def has_pc(frame):
    try:
        frame.pc
        return True
    except LookupError:
        return False


def backtrace_of(prog, task):
    try:
        frames = [frame_of(frame) for frame in prog.stack_trace(task)]
        problem = None
    except Exception as error:
        frames, problem = [], f"{type(error).__name__}: {error}"
    return {
        "pid": task.pid.value_(),
        "task": f"{task.value_():#x}",
        "comm": task.comm.string_().decode(errors="replace"),
        "frames": frames,
        "problem": problem,
    }


def main(dump, vmlinux):
    prog = drgn.Program()
    prog.set_core_dump(dump)
    prog.load_debug_info([vmlinux])
    # Not the online ones: an arm64 panic takes the CPUs that it stops out of those.
    tasks = list(for_each_task(prog)) + [idle_task(prog, cpu) for cpu in for_each_present_cpu(prog)]
    json.dump([backtrace_of(prog, task) for task in tasks], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
