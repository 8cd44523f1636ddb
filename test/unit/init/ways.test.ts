import { expect, test } from 'vitest';
import { firstThatWorks } from '../../../capture/init/ways.ts';

const broken = (name: string) => ({
  name,
  run: () => {
    throw new Error(`${name} is broken`);
  },
});

test('the first way that works is the last that is tried', () => {
  const ran: string[] = [];
  const heard: string[] = [];
  const mount = firstThatWorks<[string]>(
    'mount',
    [
      broken('one'),
      { name: 'two', run: what => ran.push(`two ${what}`) },
      { name: 'three', run: () => ran.push('three') },
    ],
    text => heard.push(text),
  );
  mount('/target');
  expect(ran).toEqual(['two /target']);
  expect(heard).toEqual(['mount by one: one is broken']);
});

test('when none works, the error has every reason', () => {
  const reboot = firstThatWorks('reboot', [broken('one'), broken('two')], () => {});
  expect(reboot).toThrow(/Cannot reboot: one: .*one is broken \| two: .*two is broken/);
});
