/**
 * A small dead x86-64 kernel for tests of the unwinder: virtual memory that holds what was written and nothing else, a few
 * functions with ORC rules, tasks, and CPUs. Shares no code with the unwinder.
 */

import type { DeadKernel, Field, LoadedModule, SymbolAt } from '../../capture/autopsy/kernel.ts';
import { AutopsyError } from '../../capture/errors.ts';
import { Push, prstatus, VirtualMemory } from './kernel-stack.ts';
import { encodeNotes } from './vmcore-builder.ts';

const PAGE = 4096n;

/** An entry of the format of v6.4. */
export interface RuleSpec {
  type: 'undefined' | 'end' | 'call' | 'regs' | 'partial';
  sp?: readonly [register: number, offset: number];
  bp?: readonly [register: number, offset: number];
  signal?: boolean;
}

export const SP = 5;
export const BP = 4;
export const PREVIOUS_SP = 1;

export function orcEntry({ type, sp = [SP, 8], bp = [0, 0], signal = false }: RuleSpec): Uint8Array {
  const types = ['undefined', 'end', 'call', 'regs', 'partial'];
  const bytes = Buffer.alloc(6);
  bytes.writeInt16LE(sp[1], 0);
  bytes.writeInt16LE(bp[1], 2);
  bytes.writeUInt16LE(sp[0] | (bp[0] << 4) | (types.indexOf(type) << 8) | (signal ? 1 << 11 : 0), 4);
  return bytes;
}

export const ORC_IDS = {
  v6_4: 'fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24',
  v7_2: '137c36ad7627c4dd55932176bb0ecdbd5041fc82',
};

export const TEXT = 0xffffffff81000000n;
export const FUNCTION_BYTES = 0x100n;
const ORC_IPS = 0xffffffff82000000n;
const ORC_ENTRIES = 0xffffffff82100000n;
const DATA = 0xffffffff83000000n;
const CRASH_NOTES = 0xffffffff83100000n;
const TASKS = 0xffff888000000000n;
const STACKS = 0xffffc90000000000n;
export const STACK_BYTES = 16384n;
const PER_CPU_STEP = 0x10000n;

/** The members that the unwinder asks for: offset and size. */
const MEMBERS: Readonly<Record<string, readonly [number, number]>> = {
  'task_struct.stack': [0x20, 8],
  'task_struct.thread.sp': [0x28, 8],
  'task_struct.pid': [0x30, 4],
  'task_struct.on_cpu': [0x34, 4],
  'rq.curr': [0x10, 8],
  'rq.idle': [0x18, 8],
  'rq.nr_running': [0x20, 4],
  'inactive_task_frame.bp': [40, 8],
  'inactive_task_frame.ret_addr': [48, 8],
  'pcpu_hot.hardirq_stack_ptr': [16, 8],
  'cpu_entry_area.estacks': [0x10000, 0x8000],
  'cpu_entry_area.entry_stack_page': [0x1000, 4096],
};

/** Of struct cea_exception_stacks, each above its guard page. */
const EXCEPTION_STACKS = [
  ['DF_stack_guard', 0, 0x1000],
  ['DF_stack', 0x1000, 0x2000],
  ['NMI_stack_guard', 0x3000, 0x1000],
  ['NMI_stack', 0x4000, 0x2000],
] as const;

export class UnwindKernel {
  readonly memory = new VirtualMemory();
  readonly functions: { name: string; address: bigint }[] = [];
  readonly #variables = new Map<string, bigint>();
  readonly modules: LoadedModule[] = [];
  #nextTask = TASKS;
  #nextStack = STACKS;
  readonly possible: readonly number[];
  online: number[];

  /** @param rules the functions, from TEXT on, each with one rule for all its code. */
  constructor(rules: Readonly<Record<string, RuleSpec>>, cpus = 2) {
    this.possible = Array.from({ length: cpus }, (_, cpu) => cpu);
    this.online = [...this.possible];
    for (const [index, [name, rule]] of Object.entries(rules).entries()) {
      const address = TEXT + BigInt(index) * FUNCTION_BYTES;
      this.functions.push({ name, address });
      const slot = ORC_IPS + BigInt(4 * index);
      const relative = Buffer.alloc(4);
      relative.writeInt32LE(Number(address - slot));
      this.memory.write(slot, relative);
      this.memory.write(ORC_ENTRIES + BigInt(6 * index), orcEntry(rule));
    }
    const count = BigInt(this.functions.length);
    this.#variables.set('__start_orc_unwind_ip', ORC_IPS);
    this.#variables.set('__stop_orc_unwind_ip', ORC_IPS + 4n * count);
    this.#variables.set('__start_orc_unwind', ORC_ENTRIES);
    this.#define('orc_header', Buffer.from(ORC_IDS.v6_4, 'hex'));
    this.#define('crashing_cpu', Buffer.from([0xff, 0xff, 0xff, 0xff]));
    this.#variables.set('runqueues', DATA + 0x1000n);
    this.#variables.set('hardirq_stack_ptr', DATA + 0x1100n);
    this.#variables.set('cea_exception_stacks', DATA + 0x1108n);
    this.#define('crash_notes', u64Bytes(CRASH_NOTES));
    for (const cpu of this.online) {
      for (const name of ['runqueues', 'hardirq_stack_ptr', 'cea_exception_stacks']) {
        this.memory.u64(this.perCpu(name, cpu) + 0x10n, 0n);
      }
    }
  }

  #define(name: string, bytes: Uint8Array): void {
    const address = DATA + BigInt(this.#variables.size * 64);
    this.#variables.set(name, address);
    this.memory.write(address, bytes);
  }

  set(name: string, bytes: Uint8Array): void {
    this.memory.write(this.#variables.get(name)!, bytes);
  }

  forget(name: string): void {
    this.#variables.delete(name);
  }

  /** An address within a function, by default just behind its fifth byte, as after a call there. */
  in(name: string, offset = 5n): bigint {
    return this.functions.find(known => known.name === name)!.address + offset;
  }

  /** Writes a direct call of `callee` before the address in `caller` that `in` gives. */
  call(caller: string, callee: string, offset = 5n): bigint {
    const address = this.in(caller, offset);
    const bytes = Buffer.from([0xe8, 0, 0, 0, 0]);
    bytes.writeInt32LE(Number(this.in(callee, 0n) - address), 1);
    this.memory.write(address - 5n, bytes);
    return address;
  }

  perCpu(variable: string | bigint, cpu: number): bigint {
    const address = typeof variable === 'bigint' ? variable : this.#variables.get(variable)!;
    return address + BigInt(cpu) * PER_CPU_STEP;
  }

  stack(): Push {
    const start = this.#nextStack;
    this.#nextStack += STACK_BYTES + PAGE;
    return new Push(this.memory, start, start + STACK_BYTES);
  }

  /** @returns the task's address. */
  task({ stack, sp = 0n, pid = 1 }: { stack: bigint; sp?: bigint; pid?: number }): bigint {
    const task = this.#nextTask;
    this.#nextTask += 0x1000n;
    this.memory.u64(task + 0x20n, stack);
    this.memory.u64(task + 0x28n, sp);
    this.memory.u64(task + 0x30n, BigInt(pid));
    return task;
  }

  /** A task that waits where its stack says. */
  sleeper(stack: Push, bp = 0n): bigint {
    // The return address was pushed before; below it __switch_to_asm pushes bp, bx, r12 to r15.
    const slot = stack.sp;
    stack.push(bp, 1n, 2n, 3n, 4n, 5n);
    return this.task({ stack: stack.start, sp: slot - 48n });
  }

  run(cpu: number, task: bigint): void {
    this.memory.u64(this.perCpu('runqueues', cpu) + 0x10n, task);
  }

  saveRegisters(cpu: number, registers: Readonly<Record<string, bigint>>): void {
    this.memory.write(
      this.perCpu(CRASH_NOTES, cpu),
      encodeNotes([{ name: 'CORE', type: 1, desc: prstatus(registers) }]),
    );
  }

  panicOn(cpu: number): void {
    this.set('crashing_cpu', Buffer.from([cpu, 0, 0, 0]));
  }

  /** @returns the IRQ stack of a CPU. */
  irqStack(cpu: number): Push {
    const stack = this.stack();
    this.memory.u64(this.perCpu('hardirq_stack_ptr', cpu), stack.end - 8n);
    return stack;
  }

  /** @returns the NMI stack of a CPU: the second of its exception stacks. */
  nmiStack(cpu: number): Push {
    const area = 0xfffffe0000000000n + BigInt(cpu) * 0x100000n;
    this.memory.u64(this.perCpu('cea_exception_stacks', cpu), area + 0x10000n);
    return new Push(this.memory, area + 0x14000n, area + 0x16000n);
  }

  dead(notes: readonly { name: string; type: number; desc: Uint8Array }[] = []): DeadKernel {
    const { memory, modules, online, possible } = this;
    const field = (path: string): Field => {
      const found = MEMBERS[path];
      if (!found)
        throw new AutopsyError('NO_TYPE', { action: `look up ${path}`, actual: 'BTF has no such type' });
      const [offsetBytes, sizeBytes] = found;
      return {
        name: path,
        offsetBytes,
        sizeBytes,
        kind: 'integer',
        isSigned: false,
        typeName: 'int',
        declaration: 'int',
      };
    };
    const read = (base: bigint, path: string) => {
      const { offsetBytes, sizeBytes } = field(path);
      const at = base + BigInt(offsetBytes);
      return sizeBytes === 4 ? BigInt(memory.u32(at)) : memory.u64(at);
    };
    const kernel = {
      vmcore: { elf: { header: { e_machine: 62 } }, notes: notes.map(note => ({ ...note, descOffset: 0 })) },
      vmcoreinfo: { bigNumber: () => undefined },
      memory,
      modules,
      symbols: {
        address: (name: string) => this.#address(name),
        require: (name: string) => {
          const found = this.#address(name);
          if (found !== undefined) return found;
          throw new AutopsyError('NO_SYMBOL', {
            action: `look up ${name}`,
            actual: 'there is no such symbol',
          });
        },
        at: (address: bigint) => this.#symbolAt(address),
        isText: (address: bigint) => this.#symbolAt(address) !== undefined,
      },
      types: {
        offset: (path: string) => field(path).offsetBytes,
        has: (path: string) => path in MEMBERS,
        size: (name: string) => {
          if (name === 'thread_union') return Number(STACK_BYTES);
          return field(name).sizeBytes;
        },
        field,
        members: () =>
          EXCEPTION_STACKS.map(([name, offsetBytes, sizeBytes]) => ({ name, offsetBytes, sizeBytes })),
      },
      fields: {
        pointer: read,
        integer: read,
        number: (base: bigint, path: string) => Number(read(base, path)),
      },
      perCpu: {
        online,
        possible,
        present: possible,
        address: (name: string | bigint, cpu: number) => this.perCpu(name, cpu),
      },
    };
    return kernel as unknown as DeadKernel;
  }

  #address(name: string): bigint | undefined {
    return this.#variables.get(name) ?? this.functions.find(known => known.name === name)?.address;
  }

  #symbolAt(address: bigint): SymbolAt | undefined {
    const found = this.functions.find(
      known => address >= known.address && address < known.address + FUNCTION_BYTES,
    );
    return (
      found && {
        ...found,
        type: 'T',
        offset: Number(address - found.address),
        sizeBytes: Number(FUNCTION_BYTES),
      }
    );
  }
}

function u64Bytes(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
