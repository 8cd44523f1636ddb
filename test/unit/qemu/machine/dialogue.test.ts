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
        { after: /halted/, pullPlugAfterSeconds: 60 },
      ],
      { type: text => done.push(text), pullPlug: () => done.push('plug') },
    );
    for (const line of ['Running', 'the banner', 'banner again', '[1]+ Running', 'halted']) hear(line);
    expect(done).toEqual(['jobs\n', 'exit\n']);
    vi.advanceTimersByTime(59_000);
    expect(done).toHaveLength(2);
    vi.advanceTimersByTime(1000);
    expect(done).toEqual(['jobs\n', 'exit\n', 'plug']);
  } finally {
    vi.useRealTimers();
  }
});
