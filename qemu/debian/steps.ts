/** What a run does, in order: each step is one machine from power-on to power-off, on a disk that steps may share. */
import type { Guest } from './machine.ts';
import type { Story, Teller } from './stories.ts';
import type { TimedPeer } from './times.ts';

export interface Step {
  /** Whose disk it is. */
  readonly name: string;
  /** Directory below that of the disk; '' for the same. */
  readonly part: string;
  readonly purpose: string;
  /** One of several alike: where its machine is lost, the others say the same. */
  readonly isRepeated: boolean;
  run(guest: Guest, teller: Teller): Promise<void>;
}

/** One machine for each story. */
export function storySteps(stories: readonly Story[], runs: number): Step[] {
  return stories.map(story => ({
    name: story.name,
    part: '',
    purpose: story.purpose,
    isRepeated: false,
    run: (guest, teller) => story.run(guest, teller, runs),
  }));
}

/** All are installed, then they crash in turn. */
export function timesSteps(peers: readonly TimedPeer[], runs: number): Step[] {
  const rounds = Array.from({ length: runs }, (_, index) => index + 1);
  return [
    ...peers.map(({ name, prepare }) => ({
      name,
      part: 'install',
      purpose: 'installation',
      isRepeated: false,
      run: prepare,
    })),
    ...rounds.flatMap(round =>
      peers.map(({ name, crash }) => ({
        name,
        part: `crash-${round}`,
        purpose: `crash ${round} of ${runs}`,
        isRepeated: true,
        run: crash,
      })),
    ),
  ];
}

/** Whether a later step needs the disk of this one. */
export function isDiskNeeded(steps: readonly Step[], index: number): boolean {
  return steps.slice(index + 1).some(({ name }) => name === steps[index]!.name);
}
