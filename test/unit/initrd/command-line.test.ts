import { expect, test } from 'vitest';
import { crashCommandLine } from '../../../initrd/command-line.ts';

test('consoles stay, what would hurt goes, what is needed comes', () => {
  const words = crashCommandLine(
    'BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro rootflags=x quiet crashkernel=192M panic=0 hugepagesz=1G hugepages=4 ' +
      'console=tty0 console=ttyS0,115200 net.ifnames=0\n',
  ).split(' ');
  expect(words).toEqual(
    expect.arrayContaining(['ro', 'console=tty0', 'console=ttyS0,115200', 'net.ifnames=0']),
  );
  expect(words).toEqual(
    expect.arrayContaining(['nr_cpus=1', 'reset_devices', 'panic=10', 'rootfstype=ramfs']),
  );
  for (const gone of ['BOOT_IMAGE', 'root=', 'rootflags', 'quiet', 'crashkernel', 'panic=0', 'hugepages=4']) {
    expect(words.filter(word => word.startsWith(gone))).toEqual([]);
  }
  expect(words.filter(word => word.startsWith('panic='))).toEqual(['panic=10']);
});

test('extra words are the last', () => {
  expect(crashCommandLine('', ['kdumpling.codec=lzo']).endsWith(' kdumpling.codec=lzo')).toBe(true);
});

test('a word that is there already is not doubled', () => {
  expect(crashCommandLine('irqpoll').match(/irqpoll/g)).toHaveLength(1);
});

test('no network is configured by the kernel itself', () => {
  const words = crashCommandLine(
    'ip=dhcp nfsroot=10.0.0.1:/root netconsole=@/eth0,@10.0.0.2/ ipv6.disable=1',
  ).split(' ');
  expect(words.filter(word => /^(ip|nfsroot|netconsole)=/.test(word))).toEqual([]);
  expect(words).toContain('ipv6.disable=1');
});
