/** Readers that are wrong on purpose, to prove that the harness catches each way to be wrong. */
import { judgeDump } from '../../scripts/lib/verify/judge.ts';
import type { Attack, Kind } from './kind.ts';
import { kdumpKind } from './kinds/dump-files.ts';

const HOG_BYTES = 600 << 20;

function control(name: string, run: Attack['run']): Kind {
  return { name, share: 1, open: () => () => ({ labels: ['a control'], run }) };
}

export const CONTROLS: readonly Kind[] = [
  control('control-good', () => 'read'),
  control('control-throws', () => {
    throw new TypeError("Cannot read properties of undefined (reading 'x')");
  }),
  control('control-hangs', () => {
    for (;;);
  }),
  control('control-hogs', () => {
    const bytes = Buffer.alloc(HOG_BYTES, 1);
    return bytes[HOG_BYTES - 1] === 1 ? 'read' : 'refused';
  }),
  control('control-ends', () => process.exit(0)),
  control('control-pollutes', () => {
    Object.assign(Object.prototype, { polluted: true });
    return 'read';
  }),
  kdumpKind('control-says-whole', 1, async (source, expected, judging) => ({
    ...(await judgeDump(source, expected, judging)),
    whole: true,
    state: 'whole',
    damage: [],
  })),
];
