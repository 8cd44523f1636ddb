import { expect, test } from 'vitest';
import { formatLine, openLog } from '../../capture/log.ts';

test('lines have the format of the kernel’s own', () => {
  const written: string[] = [];
  const log = openLog(
    line => written.push(line),
    () => 7.5,
  );
  log.say('dump', '40 %');
  expect(written).toEqual(['[    7.500000] kdumpling: dump: 40 %\n']);
  expect(log.lines.map(formatLine)).toEqual(['[    7.500000] kdumpling: dump: 40 %']);
});

test('a warning is on the console and in the list of warnings', () => {
  const log = openLog(
    () => {},
    () => 0,
  );
  log.warn('open', 'no notes');
  expect(log.warnings).toEqual(['open: no notes']);
  expect(log.lines[0].text).toBe('kdumpling: open: warning: no notes');
});

test('a console that fails is ignored', () => {
  const log = openLog(
    () => {
      throw new Error('EIO');
    },
    () => 0,
  );
  log.say('dump', 'on we go');
  expect(log.lines).toHaveLength(1);
});

test('text from a crashed machine’s memory cannot control the terminal', () => {
  const written: string[] = [];
  const log = openLog(
    line => written.push(line),
    () => 0,
  );
  log.say('dmesg', 'evil \x1b[2J\r\nline');
  log.show('\x07bell');
  expect(written).toEqual(['[    0.000000] kdumpling: dmesg: evil  [2J  line\n', ' bell\n']);
});
