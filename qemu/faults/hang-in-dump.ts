/** Lab fault. Never comes back from the middle of the page loop. */
import { runAsInit } from '../../capture/pid1.ts';

runAsInit({
  onProgress() {
    for (;;);
  },
});
