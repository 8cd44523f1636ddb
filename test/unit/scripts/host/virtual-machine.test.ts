import { expect, test } from 'vitest';
import { isVirtualMachine } from '../../../../scripts/lib/host/virtual-machine.ts';
import { type Files, hostWith } from '../../../support/host-root.ts';

const dmi = (vendor: string, product: string): Files => ({
  '/sys/class/dmi/id/sys_vendor': `${vendor}\n`,
  '/sys/class/dmi/id/product_name': `${product}\n`,
});

test.each<[string, Files]>([
  ['x86', { '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n' }],
  ['QEMU on arm64 with UEFI', dmi('QEMU', 'QEMU Virtual Machine')],
  ['Amazon', dmi('Amazon EC2', 'c6g.large')],
  ['Google', dmi('Google', 'Google Compute Engine')],
  ['Azure', dmi('Microsoft Corporation', 'Virtual Machine')],
  ['a Mac', dmi('Apple Inc.', 'Apple Virtualization Generic Platform')],
  ['QEMU on arm64 with a device tree', { '/proc/device-tree/compatible': 'linux,dummy-virt\0' }],
  ['Xen on arm64', { '/proc/device-tree/hypervisor/compatible': 'xen,xen-4.17\0xen,xen\0' }],
])('a virtual machine: %s', (_, files) => {
  expect(isVirtualMachine(hostWith(files))).toBe(true);
});

test.each<[string, Files]>([
  ['of which nothing is known', {}],
  ['a PC', { '/proc/cpuinfo': 'flags\t\t: fpu vme\n', ...dmi('LENOVO', '20XW') }],
  ['a server of Amazon', dmi('Amazon EC2', 'c6g.metal')],
  ['a Surface', dmi('Microsoft Corporation', 'Surface Pro X')],
  ['a Mac', dmi('Apple Inc.', 'Macmini9,1')],
  ['a board', { '/proc/device-tree/compatible': 'raspberrypi,4-model-b\0brcm,bcm2711\0' }],
])('a real machine: %s', (_, files) => {
  expect(isVirtualMachine(hostWith(files))).toBe(false);
});
