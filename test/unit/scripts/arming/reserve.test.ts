import { expect, test } from 'vitest';
import { reserveAtNextBoot } from '../../../../scripts/lib/arming/reserve.ts';
import { readConfig } from '../../../../scripts/lib/config/config.ts';
import { LENDING } from '../../../support/armed-machine.ts';
import { type Commands, type Files, hostWith } from '../../../support/host-root.ts';

const GRUB = '/boot/grub/grub.cfg';
const UPDATES: Commands = {
  'update-grub': (_, host) => {
    const words = /(?:crashkernel=[\w,]+ ?)+/.exec(host.read('/etc/default/grub.d/kdumpling.cfg') ?? '')?.[0];
    host.write(GRUB, `\tlinux /boot/vmlinuz ro ${words ?? ''}\n`);
    return '';
  },
};

function reserve(files: Files, asked?: string[]) {
  const host = hostWith({ ...LENDING, [GRUB]: '\tlinux /boot/vmlinuz ro\n', ...files }, UPDATES);
  return reserveAtNextBoot(host, readConfig(host), asked);
}

test('where the kernel lends memory until the crash, it does, and enable says what that costs', () => {
  const { values, why, cost } = reserve({});
  expect(values).toEqual(['128M,cma', '96M']);
  expect(why).toBe('computed for this machine');
  expect(cost).toMatch(
    /^128M are lent to processes and their files until a crash\. .* 10 s .*crashkernel_cma never/,
  );
});

test.each<[string, Files]>([
  ['the config says never', { '/etc/kdump.conf': 'crashkernel_cma never\n' }],
  ['the dump is to have user pages', { '/etc/kdump.conf': 'core_collector makedumpfile -d 23\n' }],
])('nothing is lent where %s', (_, files) => {
  const { values, cost } = reserve(files);
  expect(values).toEqual(['128M']);
  expect(cost).toBeUndefined();
});

test('what was asked for has no cost that needs saying', () =>
  expect(reserve({}, ['128M'])).toMatchObject({ values: ['128M'], why: 'as asked' }));

test('a value with which no crash kernel can be loaded is refused', () =>
  expect(() => reserve({}, ['64M'])).toThrow(
    /^Cannot reserve memory for the crash kernel: the unpacked kernel and the initrd take \d+M in one piece, and the reservation has 64M\. Name a larger value, or use --crashkernel auto/,
  ));
