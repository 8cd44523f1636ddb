/** Lab fault. What is read back is not what was written; the second time it is. */
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
