"""Judge: which of these pages does a dump have? Read by libkdumpfile.

usage: readable.py DUMP PFN,PFN,…

Standard output gets {"readable": [PFN, …]} as JSON. A page that cannot be read for another reason than that the dump
does not have it ends the judge.
"""

import json
import sys

import kdumpfile
from content import open_dump


def is_readable(dump, pfn):
    size = dump.attr["arch.page_size"]
    try:
        dump.read(kdumpfile.MACHPHYSADDR, pfn * size, size)
    except kdumpfile.NoDataError:
        return False
    return True


def main(dump_path, pfns):
    with open(dump_path, "rb") as file:
        dump = open_dump(file)
        asked = [int(pfn) for pfn in pfns.split(",")]
        json.dump({"readable": [pfn for pfn in asked if is_readable(dump, pfn)]}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
