/** Whether the machine's disks store integrity data with their blocks (Linux Documentation/block/data-integrity.rst). */
import type { Host } from './host.ts';

const DISKS = '/sys/block';
/** What a disk without such data says (Linux block/blk-integrity.c, format_show()). */
const NO_FORMAT = 'none';

/** False where a disk does not say it: no disk then counts as one without. */
export function hasPlainDisks(host: Host): boolean {
  const disks = host.list(DISKS);
  return (
    disks.length > 0 &&
    disks.every(disk => host.read(`${DISKS}/${disk}/integrity/format`)?.trim() === NO_FORMAT)
  );
}
