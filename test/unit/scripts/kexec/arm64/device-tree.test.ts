/** Device trees, judged by dtc, which is neither ours nor the kernel's reader. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  childOf,
  decodeDeviceTree,
  encodeDeviceTree,
  textProperty,
} from '../../../../../scripts/lib/kexec/arm64/device-tree.ts';

const SOURCE = `/dts-v1/;
/memreserve/ 0x48000000 0x100000;
/memreserve/ 0x1000000000 0x2000;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "linux,dummy-virt";
	model = "";
	memory@40000000 {
		device_type = "memory";
		reg = <0x0 0x40000000 0x0 0x40000000>;
	};
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 {
			device_type = "cpu";
			enable-method = "psci";
			reg = <0>;
		};
	};
	empty-node {
	};
	chosen {
		kaslr-seed = <0x1 0x2>;
		bytes = [01 02 03 04 05];
		stdout-path = "/pl011@9000000";
		flag;
	};
};
`;

function dtc(input: string | Buffer, ...args: string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync('dtc', ['-q', ...args], { input });
  if (error) throw error;
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}

const blob = dtc(SOURCE, '-I', 'dts', '-O', 'dtb');
const asSource = (bytes: Buffer) => dtc(bytes, '-I', 'dtb', '-O', 'dts').toString();

describe('a device tree', () => {
  test('is read', () => {
    const { root, reserves, bootCpu } = decodeDeviceTree(blob);
    expect(root.children.map(({ name }) => name)).toEqual([
      'memory@40000000',
      'cpus',
      'empty-node',
      'chosen',
    ]);
    expect(root.children[3]!.properties.get('stdout-path')).toEqual(textProperty('/pl011@9000000'));
    expect(root.children[3]!.properties.get('bytes')).toEqual(Buffer.from([1, 2, 3, 4, 5]));
    expect(root.children[3]!.properties.get('flag')).toEqual(Buffer.alloc(0));
    expect(root.children[1]!.children[0]!.name).toBe('cpu@0');
    expect(reserves).toEqual([
      { start: 0x4800_0000n, bytes: 0x10_0000n },
      { start: 0x10_0000_0000n, bytes: 0x2000n },
    ]);
    expect(bootCpu).toBe(0);
  });

  test('is written so that dtc reads the same tree', () => {
    expect(asSource(encodeDeviceTree(decodeDeviceTree(blob)))).toBe(asSource(blob));
  });

  test('can be changed', () => {
    const tree = decodeDeviceTree(blob);
    const chosen = childOf(tree.root, 'chosen').properties;
    chosen.delete('kaslr-seed');
    chosen.set('bootargs', textProperty('console=ttyAMA0 "a b"'));
    childOf(tree.root, 'new-node').properties.set('flag', Buffer.alloc(0));
    const source = asSource(encodeDeviceTree(tree));
    expect(source).not.toContain('kaslr-seed');
    expect(source).toContain('bootargs = "console=ttyAMA0 \\"a b\\"";');
    expect(source).toMatch(/new-node \{\s*flag;/);
  });

  test('with words that the kernel wiped out (FDT_NOP) is read without them', () => {
    const wiped = Buffer.from(blob);
    const name = wiped.indexOf('kaslr-seed\0') - wiped.readUInt32BE(12);
    for (let at = wiped.readUInt32BE(8); at < wiped.length - 20; at += 4) {
      if (wiped.readUInt32BE(at) !== 3 || wiped.readUInt32BE(at + 8) !== name) continue;
      for (let cell = 0; cell < 5; cell++) wiped.writeUInt32BE(4, at + cell * 4);
      break;
    }
    const { root } = decodeDeviceTree(wiped);
    expect([...root.children[3]!.properties.keys()]).toEqual(['bytes', 'stdout-path', 'flag']);
  });

  test('that is larger than its own size is read without what follows', () => {
    const { root } = decodeDeviceTree(Buffer.concat([blob, Buffer.alloc(4096, 0xff)]));
    expect(root.children).toHaveLength(4);
  });
});

describe('a damaged device tree is refused', () => {
  test.each([
    ['nothing', Buffer.alloc(0), /there is no header of one/],
    ['another file', Buffer.from('\x7fELF'.padEnd(64, '\0'), 'latin1'), /there is no header of one/],
    ['a newer version', changed(24, 18), /its version is 18 at least/],
    ['a structure that begins elsewhere', changed(8, 40), /does not begin with a node/],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeDeviceTree(bytes)).toThrow(message);
  });

  test('cut off at any place', () => {
    for (let length = 0; length < blob.length; length += 1)
      expect(() => decodeDeviceTree(blob.subarray(0, length))).toThrow(/Cannot read the device tree/);
  });

  test('with any cell damaged it is read or refused, and never runs on', () => {
    for (let at = 0; at + 4 <= blob.length; at += 4) {
      for (const value of [0, 1, 0x7fff_ffff, 0xffff_ffff]) {
        try {
          decodeDeviceTree(changed(at, value));
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_DEVICE_TREE' });
        }
      }
    }
  });

  test('nested without end', () => {
    const deep = `${'n {'.repeat(80)}${'};'.repeat(80)}`;
    const bytes = dtc(`/dts-v1/;\n/ { ${deep} };`, '-f', '-I', 'dts', '-O', 'dtb');
    expect(() => decodeDeviceTree(bytes)).toThrow(/nested more than 64 deep/);
  });
});

function changed(at: number, value: number): Buffer {
  const bytes = Buffer.from(blob);
  bytes.writeUInt32BE(value, at);
  return bytes;
}
