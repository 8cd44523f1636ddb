import { describe, expect, it } from 'vitest';
import { VmcoreError } from '../../../capture/errors.ts';
import { prstatusNotes } from '../../../capture/vmcore/notes.ts';
import { openVmcore, readPhysical, readPhysicalOrZeros } from '../../../capture/vmcore/open.ts';
import { buildVmcore, MemorySource, type VmcoreSpec, vmcoreinfoText } from '../../support/vmcore-builder.ts';

const info = { OSRELEASE: '6.1.0', PAGESIZE: 4096 };
const filled = (lengthBytes: number, fill: number) => new Uint8Array(lengthBytes).fill(fill);
const base: VmcoreSpec = {
  cpus: 3,
  vmcoreinfo: info,
  loads: [
    { paddr: 0x1000, bytes: filled(0x1800, 1) },
    { paddr: 0x2800, bytes: filled(0x800, 2) },
    { paddr: 0x5000, bytes: filled(0x1000, 3) },
  ],
};
const open = (spec: VmcoreSpec) => openVmcore(new MemorySource(buildVmcore(spec)));

describe('openVmcore', () => {
  it.each([
    ['base', base],
    ['program headers last', { ...base, programHeaders: 'last' }],
    ['data off page boundaries', { ...base, loadAlignBytes: 1 }],
  ] as [string, VmcoreSpec][])('%s', (_, spec) => {
    const vmcore = open(spec);
    expect(vmcore.warnings).toEqual([]);
    expect(vmcore.pageSizeBytes).toBe(4096);
    expect(vmcore.vmcoreinfo.osrelease).toBe('6.1.0');
    expect(prstatusNotes(vmcore.notes)).toHaveLength(3);
    expect(Buffer.from(vmcore.vmcoreinfoBytes)).toEqual(vmcoreinfoText(info));
    const at = vmcore.vmcoreinfoOffset!;
    expect(vmcore.noteBytes.subarray(at, at + vmcore.vmcoreinfoBytes.length)).toEqual(vmcore.vmcoreinfoBytes);
    expect(vmcore.segments.segments).toHaveLength(3);
  });

  it('does without vmcoreinfo, registers and a page size', () => {
    const vmcore = open({ ...base, cpus: 0, vmcoreinfo: null });
    expect(vmcore.vmcoreinfoOffset).toBeUndefined();
    expect(vmcore.vmcoreinfoBytes).toHaveLength(0);
    expect(vmcore.pageSizeBytes).toBe(4096);
    expect(vmcore.warnings).toEqual([
      expect.stringContaining('NT_PRSTATUS'),
      expect.stringContaining('VMCOREINFO'),
      expect.stringContaining('page size'),
    ]);
  });

  it.each([
    [62, 4096, 4096, 0],
    [62, 65536, 4096, 1],
    [183, 65536, 65536, 0],
    [183, 12345, 4096, 1],
  ])('machine %i with PAGESIZE=%i has %i', (machine, PAGESIZE, used, warned) => {
    const vmcore = open({ ...base, machine, vmcoreinfo: { PAGESIZE } });
    expect([vmcore.pageSizeBytes, vmcore.warnings.length]).toEqual([used, warned]);
  });

  it('refuses a vmcore without memory', () => {
    expect(() => open({ ...base, loads: [] })).toThrow(VmcoreError);
    expect(() => open({ ...base, loads: [{ paddr: 2n ** 60n, bytes: filled(1, 1) }] })).toThrow(
      'Cannot open memory as a vmcore: no PT_LOAD in it is usable; expected at least one',
    );
  });

  it('keeps the notes of two PT_NOTEs', () => {
    const file = buildVmcore({ ...base, notes: [{ name: 'X', type: 9, desc: filled(5, 1) }] });
    const view = new DataView(file.buffer);
    // Splits the PT_NOTE behind the first CPU, in the place of the last PT_LOAD.
    const [at, second] = [64, 64 + 3 * 56];
    const offset = view.getBigUint64(at + 8, true);
    const size = view.getBigUint64(at + 32, true);
    view.setBigUint64(at + 32, 356n, true);
    view.setUint32(second, 4, true);
    view.setBigUint64(second + 8, offset + 356n, true);
    view.setBigUint64(second + 32, size - 356n, true);
    const vmcore = openVmcore(new MemorySource(file));
    expect(vmcore.warnings).toEqual([]);
    expect(vmcore.notes).toHaveLength(5);
    expect(vmcore.vmcoreinfo.osrelease).toBe('6.1.0');
  });

  it.each([2n ** 64n - 1n, 2n ** 32n, 2n ** 20n])('survives a PT_NOTE of %s bytes', size => {
    const file = buildVmcore(base);
    new DataView(file.buffer).setBigUint64(64 + 32, size, true);
    const vmcore = openVmcore(new MemorySource(file));
    expect(prstatusNotes(vmcore.notes)).toHaveLength(3);
    expect(vmcore.warnings[0]).toContain('the PT_NOTE has 0x');
  });

  it('cut at any byte, opens or throws a VmcoreError', () => {
    const file = buildVmcore({ ...base, loadAlignBytes: 1 });
    let opened = 0;
    for (let length = 0; length < file.length; length += length < 2000 ? 1 : 97) {
      try {
        const vmcore = openVmcore(new MemorySource(file.subarray(0, length)));
        expect(vmcore.warnings.length, `${length} bytes`).toBeGreaterThan(0);
        opened++;
      } catch (error) {
        expect(error, `${length} bytes`).toBeInstanceOf(VmcoreError);
      }
    }
    expect(opened).toBeGreaterThan(100);
  });
});

describe('readPhysical', () => {
  const vmcore = open(base);
  const read = (paddr: number, lengthBytes: number) => {
    const into = filled(lengthBytes, 0xee);
    return { count: readPhysical(vmcore, paddr, into), into };
  };

  it.each([
    [0x1000, 0x1000, 0x1000],
    [0x2000, 0x1000, 0x1000],
    [0x27ff, 2, 2],
    [0x2fff, 2, 1],
    [0xfff, 2, 0],
    [0x3000, 1, 0],
    [0x5000, 0x2000, 0x1000],
    [0x6000, 1, 0],
    [0x1000, 0, 0],
    [2 ** 53, 8, 0],
    [-8, 8, 0],
  ])('from %s, of %i bytes, gets %i', (paddr, lengthBytes, count) => {
    expect(read(paddr, lengthBytes).count).toBe(count);
  });

  it('joins segments that meet in the middle of a page', () => {
    const { into } = read(0x2000, 0x1000);
    expect([...new Set(into.subarray(0, 0x800))]).toEqual([1]);
    expect([...new Set(into.subarray(0x800))]).toEqual([2]);
  });

  it.each([
    [0x2f00, 0x200, 0x100],
    [0x2f00, 0x2200, 0x200],
    [0x4f00, 0x200, 0x100],
    [0x3000, 0x1000, 0],
    [0, 0x7000, 0x3000],
  ])('or zeros: from %s, of %i bytes, %i are held', (paddr, lengthBytes, held) => {
    const into = filled(lengthBytes, 0xee);
    expect(readPhysicalOrZeros(vmcore, paddr, into)).toBe(held);
    expect(into.filter(byte => byte !== 0)).toHaveLength(held);
    expect(into).not.toContain(0xee);
  });

  it('or zeros: a source that became shorter is an error after one read', () => {
    let reads = 0;
    const readAt = () => {
      reads++;
      return 0;
    };
    const source = { ...vmcore.source, readAt };
    const read = () => readPhysicalOrZeros({ source, segments: vmcore.segments }, 0x1000, filled(64, 0xee));
    expect(read).toThrow('only 0 could be read; expected a file that keeps its length');
    expect(reads).toBe(1);
  });
});
