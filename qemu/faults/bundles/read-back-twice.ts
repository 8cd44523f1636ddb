/** A lab fault: the disk returns wrong bytes at every verification. */
import { runAsInit } from '../../../capture/pid1.ts';
import { damageDump } from './damage-dump.ts';

runAsInit({
  onPhase(phase) {
    if (phase === 'verify') damageDump();
  },
});
