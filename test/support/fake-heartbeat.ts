/** A supervisor's end of the heartbeat: the phases that it heard of. */
import type { Heartbeat, Patience } from '../../capture/init/heartbeat.ts';

export interface FakeHeartbeat extends Heartbeat {
  readonly phases: string[];
  readonly waits: Patience[];
}

export function fakeHeartbeat(): FakeHeartbeat {
  const phases: string[] = [];
  const waits: Patience[] = [];
  return {
    phases,
    waits,
    beat: () => {},
    shown: () => {},
    enter: phase => void phases.push(phase),
    wait: patience => void waits.push(patience),
    during: (_, work) => work(),
  };
}
