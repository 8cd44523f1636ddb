import { describe, expect, it } from 'vitest';
import { KernelError } from '../../../capture/errors.ts';
import { Vmcoreinfo } from '../../../capture/vmcore/vmcoreinfo.ts';

const decode = (text: string) => Vmcoreinfo.decode(Buffer.from(text, 'latin1'));
const base = decode(
  [
    'OSRELEASE=6.1.0-56-cloud-amd64',
    'BUILD-ID=3b43fad5034874490492495d552c0af6a5fab235',
    'PAGESIZE=4096',
    'SYMBOL(prb)=ffffffffae6622c0',
    'SIZE(page)=64',
    'OFFSET(page.flags)=0',
    'LENGTH(zone.free_area)=11',
    'NUMBER(phys_base)=-436207616',
    'NUMBER(PG_lru)=4',
    'NUMBER(kimage_voffset)=0xffff8000067f0000',
    'KERNELOFFSET=2bc00000',
    'CONFIG_PGTABLE_LEVELS=5',
    'CRASHTIME=1795296341',
    'a=b=c',
    '',
  ].join('\n'),
);

describe('Vmcoreinfo', () => {
  it('reads what the kernel exports', () => {
    expect(base.osrelease).toBe('6.1.0-56-cloud-amd64');
    expect(base.buildId).toBe('3b43fad5034874490492495d552c0af6a5fab235');
    expect(base.pageSize).toBe(4096);
    expect(base.kernelOffset).toBe(0x2bc00000n);
    expect(base.crashTimeSeconds).toBe(1795296341);
    expect(base.symbol('prb')).toBe(0xffffffffae6622c0n);
    expect(base.size('page')).toBe(64);
    expect(base.offset('page.flags')).toBe(0);
    expect(base.length('zone.free_area')).toBe(11);
    expect(base.number('PG_lru')).toBe(4);
    expect(base.number('phys_base')).toBe(-436207616);
    expect(base.numberOr('PG_lru', 7)).toBe(4);
    expect(base.numberOr('PG_slab', 7)).toBe(7);
    expect(base.bigNumber('kimage_voffset')).toBe(0xffff8000067f0000n);
    expect(base.number('kimage_voffset')).toBeUndefined();
    expect(base.config('PGTABLE_LEVELS')).toBe('5');
    expect(base.value('a')).toBe('b=c');
    expect(base.warnings).toEqual([]);
  });

  it.each([
    ['SIZE(page)=0', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=-1', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=64 ', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=6e1', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=2147483648', (i: Vmcoreinfo) => i.size('page')],
    ['SIZE(page)=99999999999999999999999', (i: Vmcoreinfo) => i.size('page')],
    ['OFFSET(page.flags)=-8', (i: Vmcoreinfo) => i.offset('page.flags')],
    ['LENGTH(x)=1.5', (i: Vmcoreinfo) => i.length('x')],
    ['NUMBER(x)=9007199254740993', (i: Vmcoreinfo) => i.number('x')],
    ['NUMBER(x)=--1', (i: Vmcoreinfo) => i.number('x')],
    ['NUMBER(x)=ff', (i: Vmcoreinfo) => i.bigNumber('x')],
    ['SYMBOL(x)=fffffffffffffffff', (i: Vmcoreinfo) => i.symbol('x')],
    ['SYMBOL(x)=(null)', (i: Vmcoreinfo) => i.symbol('x')],
    ['PAGESIZE=4095', (i: Vmcoreinfo) => i.pageSize],
    ['PAGESIZE=8192', (i: Vmcoreinfo) => i.pageSize],
    ['PAGESIZE=0', (i: Vmcoreinfo) => i.pageSize],
    ['KERNELOFFSET=xyz', (i: Vmcoreinfo) => i.kernelOffset],
    ['CRASHTIME=-1', (i: Vmcoreinfo) => i.crashTimeSeconds],
  ])('does not believe %s', (line, get) => {
    expect(get(decode(`${line}\n`))).toBeUndefined();
  });

  it.each([
    ['requireSymbol', 'SYMBOL(x)', (i: Vmcoreinfo) => i.requireSymbol('x', 'read the log')],
    ['requireSize', 'SIZE(x)', (i: Vmcoreinfo) => i.requireSize('x', 'read the log')],
    ['requireOffset', 'OFFSET(x)', (i: Vmcoreinfo) => i.requireOffset('x', 'read the log')],
    ['requireLength', 'LENGTH(x)', (i: Vmcoreinfo) => i.requireLength('x', 'read the log')],
    ['requireNumber', 'NUMBER(x)', (i: Vmcoreinfo) => i.requireNumber('x', 'read the log')],
  ])('%s names the key', (_, key, get) => {
    expect(() => get(base)).toThrow(`Cannot read the log: vmcoreinfo has no ${key};`);
    expect(() => get(decode(`${key}=?\n`))).toThrow(`Cannot read the log: vmcoreinfo has ${key}=?;`);
    expect(() => get(base)).toThrow(KernelError);
    expect(Number(get(decode(`${key}=12\n`)))).toBeGreaterThan(11);
  });

  it('takes the first of two lines with the same key, as makedumpfile does', () => {
    expect(decode('SIZE(page)=64\nSIZE(page)=56\n').size('page')).toBe(64);
  });

  it('ends at the first NUL', () => {
    expect([...decode('A=1\n\0B=2\n').keys()]).toEqual(['A']);
  });

  it('cut at any byte, never yields a shorter number for a longer one', () => {
    const text = 'OFFSET(page.flags)=16\nSIZE(page)=64\n';
    for (let length = 0; length < text.length; length++) {
      const info = decode(text.slice(0, length));
      expect([undefined, 16]).toContain(info.offset('page.flags'));
      expect([undefined, 64]).toContain(info.size('page'));
      expect(info.warnings).toHaveLength(length === 0 || text[length - 1] === '\n' ? 0 : 1);
    }
  });

  it('reads nothing from binary noise', () => {
    const noise = Uint8Array.from({ length: 4096 }, (_, i) => 1 + ((i * 7919) % 255));
    expect(() => Vmcoreinfo.decode(noise)).not.toThrow();
  });
});
