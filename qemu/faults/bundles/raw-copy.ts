/** Not a fault: a capture beside which busybox copies /proc/vmcore, as it is, to the target. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { runAsInit } from '../../../capture/pid1.ts';

const COPY_DIRECTORY = '/target/var/lab';

runAsInit({
  onPhase(phase) {
    if (phase !== 'dmesg') return;
    mkdirSync(COPY_DIRECTORY, { recursive: true });
    const words = ['dd', 'if=/proc/vmcore', `of=${COPY_DIRECTORY}/vmcore`, 'bs=1M'];
    spawnSync('/bin/busybox', words, { stdio: 'inherit' });
  },
});
