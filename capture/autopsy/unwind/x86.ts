/** Unwinding on x86-64: by ORC, which every distribution's kernel has, else by frame pointers. */
import { AutopsyError, attempt } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { cpuStacks, stackBytes } from '../tasks/stacks.ts';
import { orcStep } from './orc/step.ts';
import { OrcRules } from './orc/table.ts';
import type { Call, Sleeping, UnwindArch } from './unwind-arch.ts';
import { Words } from './words.ts';
import { hasFramePointer, x86FramePointerStep } from './x86-frame-pointers.ts';
import { isX86UserMode } from './x86-registers.ts';

/** @throws AutopsyError for a kernel with neither ORC nor frame pointers, or with an unknown format of ORC. */
export function x86Unwinding(kernel: DeadKernel): UnwindArch {
  const words = new Words(kernel.memory);
  return {
    words,
    step: stepsOf(kernel, words),
    cpuStacks: cpu => cpuStacks(kernel, cpu),
    cursorOf: registers => {
      const { ip, sp, bp } = registers as { ip: bigint; sp: bigint; bp: bigint };
      return { ip, sp, bp, registers, isExact: true };
    },
    isUserMode: isX86UserMode,
    sleeping: task => sleeping(kernel, words, task),
    callBefore: address => callBefore(words, address),
  };
}

function stepsOf(kernel: DeadKernel, words: Words): UnwindArch['step'] {
  try {
    const rules = new OrcRules(kernel, words);
    const machine = {
      words,
      rule: (address: bigint) => rules.at(address),
      isText: (address: bigint) => kernel.symbols.isText(address),
    };
    return cursor => orcStep(machine, cursor);
  } catch (error) {
    if (!(error instanceof AutopsyError && error.code === 'NO_ORC' && keepsFramePointers(kernel, words))) {
      throw error;
    }
    const machine = { words, stackBytes: stackBytes(kernel) };
    return cursor => x86FramePointerStep(machine, cursor);
  }
}

function keepsFramePointers({ symbols }: DeadKernel, words: Words): boolean {
  const schedule = symbols.address('schedule');
  return schedule !== undefined && (attempt(() => hasFramePointer(words, schedule)) ?? false);
}

/** What __switch_to_asm left on the stack (arch/x86/include/asm/switch_to.h). */
function sleeping({ fields, types, symbols }: DeadKernel, words: Words, task: bigint): Sleeping {
  const saved = fields.pointer(task, 'task_struct.thread.sp');
  const slot = saved + BigInt(types.offset('inactive_task_frame.ret_addr'));
  const ip = words.u64(slot, 'where the task continues');
  const bp = words.u64(saved + BigInt(types.offset('inactive_task_frame.bp')), 'a saved RBP');
  // A new task begins at this function and does not return to it.
  const isExact = ['ret_from_fork_asm', 'ret_from_fork'].some(name => symbols.address(name) === ip);
  return { slot, cursor: { ip, sp: slot + 8n, bp, isExact } };
}

const LONGEST_CALL = 7;

const DIRECT_CALL_BYTES = 5;

/** A call with a relative target has 5 bytes, one through a register or memory 2 to 7 (Intel SDM vol. 2, CALL). */
function callBefore(words: Words, address: bigint): Call | undefined {
  const before = attempt(() => words.view(address - BigInt(LONGEST_CALL), LONGEST_CALL, 'code'));
  // A dump need not hold code.
  if (!before) return {};
  if (before.getUint8(LONGEST_CALL - DIRECT_CALL_BYTES) === 0xe8) {
    const relative = before.getInt32(LONGEST_CALL - DIRECT_CALL_BYTES + 1, true);
    return { target: BigInt.asUintN(64, address + BigInt(relative)) };
  }
  for (let at = 0; at <= LONGEST_CALL - 2; at++) {
    if (before.getUint8(at) === 0xff && ((before.getUint8(at + 1) >> 3) & 7) === 2) return {};
  }
  return undefined;
}
