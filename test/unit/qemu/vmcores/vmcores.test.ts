import { describe, expect, it } from 'vitest';
import { HOST_ARCHITECTURE } from '../../../../build/fetch/apt.ts';
import { readVmcoreChoice } from '../../../../qemu/vmcores/vmcores.ts';

describe('readVmcoreChoice', () => {
  it.each([
    ['6.1', '6.1', 'cloud', HOST_ARCHITECTURE, 5],
    ['7.x-generic-4level', '7.x', 'generic', HOST_ARCHITECTURE, 4],
    ['6.12-cloud-arm64', '6.12', 'cloud', 'arm64', 5],
    ['6.12-cloud-arm64-4level', '6.12', 'cloud', 'arm64', 4],
  ])('%s', (text, series, flavour, architecture, levels) => {
    expect(readVmcoreChoice(text)).toEqual({ series, flavour, architecture, levels });
  });

  it.each(['6.9', '6.1-desktop', '6.1-cloud-riscv64'])('refuses %s', text => {
    expect(() => readVmcoreChoice(text)).toThrow(/expected/);
  });
});
