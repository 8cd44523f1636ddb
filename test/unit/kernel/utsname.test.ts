import { describe, expect, it, test } from 'vitest';
import { KernelMemory } from '../../../capture/kernel/memory.ts';
import { readUtsname, utsnameFromVmcoreinfo } from '../../../capture/kernel/utsname.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { Vmcoreinfo } from '../../../capture/vmcore/vmcoreinfo.ts';
import { IMAGE_PADDR, KernelBuilder } from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const UTS_PADDR = IMAGE_PADDR + 0x2004;

function read(builder: KernelBuilder) {
  const vmcore = openVmcore(new MemorySource(builder.build()));
  const warnings: string[] = [];
  return { utsname: readUtsname(KernelMemory.of(vmcore), vmcore.vmcoreinfo, warnings), warnings };
}

const fromVmcoreinfo = {
  sysname: 'Linux',
  nodename: '(unknown)',
  release: '6.1.0-test',
  version: '(unknown)',
  machine: 'x86_64',
  domainname: '(unknown)',
};

describe('readUtsname', () => {
  it('reads the six fields', () => {
    expect(read(new KernelBuilder())).toEqual({
      utsname: { ...fromVmcoreinfo, nodename: 'crashed', version: '#1 SMP', domainname: '(none)' },
      warnings: [],
    });
  });

  it('knows the offset of 5.10, which does not export it', () => {
    const { utsname, warnings } = read(
      new KernelBuilder({ vmcoreinfo: { 'OFFSET(uts_namespace.name)': undefined } }),
    );
    expect({ utsname, warnings }).toMatchObject({ utsname: { nodename: 'crashed' }, warnings: [] });
  });

  it.each([
    ['no symbol', { 'SYMBOL(init_uts_ns)': undefined }],
    ['a wrong offset', { 'OFFSET(uts_namespace.name)': 3 }],
    ['a symbol that is not mapped', { 'SYMBOL(init_uts_ns)': 'ffa0000000000000' }],
    ['a symbol that points at zeros', { 'SYMBOL(init_uts_ns)': 'ff11000000400800' }],
  ])('%s: falls back to vmcoreinfo', (_, vmcoreinfo) => {
    const { utsname, warnings } = read(new KernelBuilder({ vmcoreinfo }));
    expect(utsname).toEqual(fromVmcoreinfo);
    expect(warnings).toHaveLength(1);
  });

  it('takes a field without its NUL, and nothing that a terminal would act on', () => {
    const builder = new KernelBuilder();
    builder.memory.write(UTS_PADDR + 65, Buffer.from(`\x1b]0;${'n'.repeat(61)}`));
    const { utsname } = read(builder);
    expect(utsname.nodename).toBe(`?]0;${'n'.repeat(61)}`);
    expect(utsname.release).toBe('6.1.0-test');
  });
});

test('no field is left empty or undefined, whatever is not known', () => {
  const { release, machine } = utsnameFromVmcoreinfo(
    Vmcoreinfo.decode(Buffer.from('OSRELEASE=\n')),
    undefined,
  );
  expect([release, machine]).toEqual(['(unknown)', '(unknown)']);
});
