/** A lab fault: the disk returns wrong bytes at the first verification. */
import { runAsInit } from '../../../capture/pid1.ts';
import { damageDump } from './damage-dump.ts';

let isDamaged = false;

runAsInit({
  onPhase(phase) {
    if (phase !== 'verify' || isDamaged) return;
    isDamaged = true;
    damageDump();
  },
});
