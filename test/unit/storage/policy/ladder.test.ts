import { describe, expect, test } from 'vitest';
import { chooseStep, LADDER, type Needs, type Step } from '../../../../capture/storage/policy/ladder.ts';

const DATA_OFFSET = 1000;

/** A machine whose wish needs 10000 bytes, tighter 6000, that and stronger 5000; `older` are dumps that can go. */
function machine(users: number, root: number, older: number[] = [], wish: 'loose' | 'tight' = 'loose') {
  const said: string[] = [];
  const left = [...older];
  let freed = 0;
  const needs: Needs = {
    needBytes: ({ level, codec }) =>
      codec === 'strongest' ? 5000 : level === 'tightest' || wish === 'tight' ? 6000 : 10000,
    dataOffset: () => DATA_OFFSET,
    room: () => ({ users: users + freed, root: root + freed }),
    makeRoom(bytes) {
      if (left.length === 0) return false;
      while (root + freed < bytes && left.length > 0) freed += left.shift()!;
      return true;
    },
    isOther: ({ level, codec }) => codec === 'strongest' || (level === 'tightest' && wish === 'loose'),
  };
  const choice = chooseStep(needs, (step: Step) => said.push(step.name));
  return { took: choice?.step.name, roomBytes: choice?.roomBytes, said, left };
}

const names = LADDER.map(({ name }) => name);

test('the ladder, from the wish to what is better than nothing', () =>
  expect(names).toEqual([
    'as wished',
    'a tighter dump level',
    'a stronger codec',
    'the room set aside for root',
    'the oldest dumps',
    'an incomplete dump',
  ]));

describe('each step has its boundary', () => {
  test.each([
    [10000, 10000, 'as wished'],
    [9999, 10000, 'a tighter dump level'],
    [6000, 10000, 'a tighter dump level'],
    [5999, 10000, 'a stronger codec'],
    [5000, 10000, 'a stronger codec'],
    [4999, 10000, 'the room set aside for root'],
    [0, 5000, 'the room set aside for root'],
    [0, 4999, 'an incomplete dump'],
    // Five percent of the data's 4000 bytes.
    [0, 1200, 'an incomplete dump'],
    [0, 1199, undefined],
    [0, 0, undefined],
  ])('%i bytes for users, %i with root’s: %s', (users, root, took) => {
    const { took: got, said } = machine(users, root);
    expect(got).toBe(took);
    // Everything before it was tried and said, but for the removal of dumps, of which there are none.
    const before = names.slice(0, took === undefined ? names.length : names.indexOf(took));
    expect(said).toEqual(before.filter(name => name !== 'the oldest dumps'));
  });
});

test('what differs in nothing from the wish is not tried again', () =>
  expect(machine(5500, 5500, [], 'tight')).toMatchObject({ took: 'a stronger codec', said: ['as wished'] }));

test('older dumps go only as far as they must', () =>
  expect(machine(0, 4000, [600, 600, 600])).toMatchObject({
    took: 'the oldest dumps',
    left: [600],
    roomBytes: 5200,
  }));

test('when even that is too little, what was gained is used', () =>
  expect(machine(0, 3000, [600])).toMatchObject({ took: 'an incomplete dump', roomBytes: 3600 }));
