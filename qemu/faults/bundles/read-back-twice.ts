/** Lab fault. What is read back is never what was written. */
import { runAsInit } from '../../../capture/pid1.ts';
import { damageDump } from './damage-dump.ts';

runAsInit({
  onPhase(phase) {
    if (phase === 'verify') damageDump();
  },
});
