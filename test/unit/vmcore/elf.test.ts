import { describe, expect, it } from 'vitest';
import { VmcoreError } from '../../../capture/errors.ts';
import { PT_LOAD, PT_NOTE, readElf } from '../../../capture/vmcore/elf.ts';
import { EM_AARCH64 } from '../../../capture/vmcore/machines.ts';
import { buildVmcore, MemorySource, type VmcoreSpec } from '../../support/vmcore-builder.ts';

const page = new Uint8Array(4096).fill(7);
const base: VmcoreSpec = { loads: [{ paddr: 0x1000, bytes: page, vaddr: 0xffff888000001000n }] };
const read = (file: Uint8Array) => readElf(new MemorySource(file));
const patched = (patch: (view: DataView) => void, spec = base) => {
  const file = buildVmcore(spec);
  patch(new DataView(file.buffer));
  return file;
};

describe('readElf', () => {
  it.each([
    ['behind the ELF header', base],
    ['behind everything, as QEMU writes them', { ...base, programHeaders: 'last' }],
    ['counted in section header 0', { ...base, extendedCount: true }],
    ['of AArch64', { ...base, machine: EM_AARCH64 }],
  ] as [string, VmcoreSpec][])('finds program headers %s', (_, spec) => {
    const { header, programHeaders, warnings } = read(buildVmcore(spec));
    expect(warnings).toEqual([]);
    expect(header.e_machine).toBe(spec.machine ?? 62);
    expect(programHeaders.map(h => h.p_type)).toEqual([PT_NOTE, PT_LOAD]);
    expect(programHeaders[1]).toMatchObject({
      p_vaddr: 0xffff888000001000n,
      p_paddr: 0x1000n,
      p_filesz: 4096n,
      p_memsz: 4096n,
    });
  });

  it('takes the stride from e_phentsize', () => {
    const file = new Uint8Array(64 + 2 * 64);
    file.set(buildVmcore({ ...base, vmcoreinfo: null }).subarray(0, 64));
    const view = new DataView(file.buffer);
    view.setUint16(54, 64, true);
    view.setUint32(64, PT_NOTE, true);
    view.setUint32(128, PT_LOAD, true);
    expect(read(file).programHeaders.map(h => h.p_type)).toEqual([PT_NOTE, PT_LOAD]);
  });

  it.each([
    ['ELF_MAGIC', (v: DataView) => v.setUint8(0, 0)],
    ['ELF_CLASS', (v: DataView) => v.setUint8(4, 1)],
    ['ELF_CLASS', (v: DataView) => v.setUint8(5, 2)],
    ['ELF_TYPE', (v: DataView) => v.setUint16(16, 2, true)],
    ['ELF_MACHINE', (v: DataView) => v.setUint16(18, 3, true)],
    ['ELF_PHENTSIZE', (v: DataView) => v.setUint16(54, 55, true)],
    ['ELF_NO_HEADERS', (v: DataView) => v.setUint16(56, 0, true)],
    ['ELF_NO_HEADERS', (v: DataView) => v.setBigUint64(32, 2n ** 64n - 1n, true)],
    ['ELF_NO_HEADERS', (v: DataView) => v.setBigUint64(32, BigInt(v.byteLength), true)],
    ['ELF_NO_HEADERS', (v: DataView) => v.setBigUint64(32, BigInt(v.byteLength - 55), true)],
  ])('refuses %s', (code, patch) => {
    expect(() => read(patched(patch))).toThrow(expect.objectContaining({ name: 'VmcoreError', code }));
  });

  it('refuses with one sentence', () => {
    expect(() => read(patched(v => v.setUint16(18, 3, true)))).toThrow(
      'Cannot open memory as a vmcore: e_machine is 3; expected 62 (x86_64) or 183 (aarch64)',
    );
  });

  it.each([
    ['more headers than the file holds', (v: DataView) => v.setUint16(56, 0xfffe, true)],
    ['the count of PN_XNUM with no section header', (v: DataView) => v.setUint16(56, 0xffff, true)],
    [
      'PN_XNUM with a section header past the end',
      (v: DataView) => {
        v.setUint16(56, 0xffff, true);
        v.setBigUint64(40, BigInt(v.byteLength - 63), true);
      },
    ],
  ])('reads the readable part of %s, and reports it', (_, patch) => {
    const { programHeaders, warnings } = read(patched(patch));
    expect(programHeaders.slice(0, 2).map(h => h.p_type)).toEqual([PT_NOTE, PT_LOAD]);
    expect(warnings).toEqual([
      expect.stringMatching(/only \d+ of 6553\d program headers at 0x40 can be read/),
    ]);
  });

  it('bounds a count of 4 billion', () => {
    const file = patched(() => {}, { ...base, extendedCount: true });
    const view = new DataView(file.buffer);
    view.setUint32(Number(view.getBigUint64(40, true)) + 44, 0xffffffff, true);
    const { programHeaders, warnings } = read(file);
    expect(programHeaders.length).toBeLessThan(file.length / 56);
    expect(warnings).toHaveLength(1);
  });

  it('cut at any byte, gives the headers before the cut or a VmcoreError', () => {
    const file = buildVmcore(base);
    for (let length = 0; length < 64 + 2 * 56; length++) {
      const cut = file.subarray(0, length);
      if (length < 64 + 56) expect(() => read(cut), `${length} bytes`).toThrow(VmcoreError);
      else expect(read(cut).programHeaders, `${length} bytes`).toHaveLength(1);
    }
  });
});
