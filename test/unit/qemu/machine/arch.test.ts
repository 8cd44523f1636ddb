import { expect, test } from 'vitest';
import { labArch } from '../../../../qemu/machine/arch.ts';
import { type MachineSpec, machineCommand } from '../../../../qemu/machine/machine.ts';

const SPEC: MachineSpec = { accel: 'tcg', memoryMib: 512, cpus: 2, disk: 'disk.img', deadlineSeconds: 60 };

test('the command line has what the row of this architecture says', () => {
  const { qemuCommand, machine, cpu } = labArch();
  const command = machineCommand(SPEC);
  expect(command[0]).toBe(qemuCommand);
  expect(command[command.indexOf('-machine') + 1]).toBe(machine);
  expect(command[command.indexOf('-cpu') + 1]).toBe(cpu.tcg);
});

test('an architecture without a row is refused, and the error says where to add it', () => {
  expect(() => labArch('sparc')).toThrow(
    /does not know the architecture sparc; expected x64.*qemu\/machine\/arch\.ts/,
  );
});
