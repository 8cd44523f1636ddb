/** Unwinding on arm64: by frame pointers, which its kernels always have. */
import { attempt } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { cpuStacks } from '../tasks/stacks.ts';
import { callerByLink } from './arm64-link.ts';
import { ARM64_REGISTERS_BYTES, decodeArm64Registers, isArm64UserMode } from './arm64-registers.ts';
import type { Registers } from './frame.ts';
import { framePointerStep } from './frame-pointers.ts';
import type { UnwindArch } from './unwind-arch.ts';
import { Words } from './words.ts';

export function arm64Unwinding(kernel: DeadKernel): UnwindArch {
  const { fields, types, vmcoreinfo } = kernel;
  const words = new Words(kernel.memory);
  const pacMask = vmcoreinfo.bigNumber('KERNELPACMASK') ?? 0n;
  const stackframe = attempt(() => BigInt(types.offset('pt_regs.stackframe')));
  const plain = (address: bigint) => address | pacMask;
  const machine = {
    u64: (vaddr: bigint) => words.u64(vaddr, 'a frame record'),
    plain,
    registersAround: (record: bigint) =>
      stackframe === undefined
        ? undefined
        : attempt(() =>
            decodeArm64Registers(words.view(record - stackframe, ARM64_REGISTERS_BYTES, 'saved registers')),
          ),
    isUserMode: isArm64UserMode,
    callerByLink: (registers: Registers, inRecord: bigint) =>
      callerByLink(kernel.symbols, registers, plain, inRecord),
    hasRecordTypes: types.has('frame_record_meta.type'),
  };
  return {
    words,
    step: cursor => framePointerStep(machine, cursor),
    cpuStacks: cpu => cpuStacks(kernel, cpu),
    cursorOf: registers => {
      const { pc, sp, x29 } = registers as { pc: bigint; sp: bigint; x29: bigint };
      return { ip: pc, sp, bp: x29, registers, isExact: true };
    },
    isUserMode: isArm64UserMode,
    sleeping: task => {
      const saved = (name: string) => fields.pointer(task, `task_struct.thread.cpu_context.${name}`);
      const sp = saved('sp');
      return { slot: sp, cursor: { ip: saved('pc'), sp, bp: saved('fp'), isExact: false } };
    },
  };
}
