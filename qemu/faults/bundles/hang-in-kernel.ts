/**
 * Lab fault. Freezes the target in mid-dump, as a snapshot of it would, and nothing thaws it: the next write never returns
 * from the kernel (Linux include/linux/fs.h, sb_start_write), and no signal ends it (state D).
 */
import { openSync } from 'node:fs';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { runAsInit } from '../../../capture/pid1.ts';

/** linux/fs.h, `_IOWR('X', 119, int)` */
const FIFREEZE = 0xc004_5877;
let isFrozen = false;

runAsInit({
  onProgress(phase, done, total) {
    if (isFrozen || phase !== 'dump' || done < total / 3) return;
    isFrozen = true;
    openLibc(openFfi()).ioctl(openSync('/target', 'r'), FIFREEZE, Buffer.alloc(4), 'freeze the target');
    console.log('lab fault: the target is frozen now');
  },
});
