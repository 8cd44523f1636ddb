"""Judge: the kernel log in a dump, as drgn reads it.

usage: kernel_log.py DUMP VMLINUX

Standard output gets {"log": TEXT} as JSON.
"""

import json
import sys

import drgn
from drgn.helpers.linux.printk import get_dmesg


def main(path, vmlinux):
    prog = drgn.Program()
    prog.set_core_dump(path)
    prog.load_debug_info([vmlinux])
    json.dump({"log": get_dmesg(prog).decode("utf-8", "replace")}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
