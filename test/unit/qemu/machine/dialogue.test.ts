import { expect, test, vi } from 'vitest';
import { openDialogue } from '../../../../qemu/machine/dialogue.ts';

test('each step waits for its line, in order', () => {
  vi.useFakeTimers();
  try {
    const done: string[] = [];
    const hear = openDialogue(
      [
        { after: /banner/, type: 'jobs\n' },
        { after: /Running/, type: 'exit\n' },
        { after: /waits/, execute: 'inject-nmi', args: { cpu: 0 } },
        { after: /halted/, pullPlugAfterSeconds: 60 },
      ],
      {
        type: text => done.push(text),
        pullPlug: () => done.push('plug'),
        execute: (command, args) => done.push(`${command} ${JSON.stringify(args)}`),
      },
    );
    for (const line of ['Running', 'the banner', 'banner again', '[1]+ Running', 'it waits', 'halted'])
      hear(line);
    expect(done).toEqual(['jobs\n', 'exit\n', 'inject-nmi {"cpu":0}']);
    vi.advanceTimersByTime(59_000);
    expect(done).toHaveLength(3);
    vi.advanceTimersByTime(1000);
    expect(done.at(-1)).toBe('plug');
  } finally {
    vi.useRealTimers();
  }
});
