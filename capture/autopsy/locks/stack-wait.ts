/**
 * What a task waits for, from its stack: a task that sleeps for a lock has a waiter there (struct mutex_waiter,
 * rwsem_waiter, semaphore_waiter in kernel/locking), which is on the lock's list. Two things must agree: the function that
 * sleeps, and a waiter that is linked into a whole list.
 */
import { attempt } from '../../errors.ts';
import { enumValues } from '../enumerators.ts';
import type { DeadKernel } from '../kernel.ts';
import type { LockKind } from './holder.ts';
import type { Wait } from './recorded-wait.ts';

export interface StackOf {
  /** Of its task_struct. */
  readonly address: bigint;
  /** The lowest address of its kernel stack; 0 when that was freed. */
  readonly stack: bigint;
}

interface LockType {
  readonly kind: LockKind;
  /** Names of types. */
  readonly lock: 'mutex' | 'rw_semaphore' | 'semaphore';
  readonly waiter: 'mutex_waiter' | 'rwsem_waiter' | 'semaphore_waiter';
  /** Functions that wait for one. */
  readonly sleepsIn: RegExp;
}

const LOCK_TYPES: readonly LockType[] = [
  { kind: 'mutex', lock: 'mutex', waiter: 'mutex_waiter', sleepsIn: /^(__)?(ww_)?mutex_lock/ },
  {
    kind: 'rwsem',
    lock: 'rw_semaphore',
    waiter: 'rwsem_waiter',
    sleepsIn: /^rwsem_down_(read|write)_slowpath/,
  },
  {
    kind: 'semaphore',
    lock: 'semaphore',
    waiter: 'semaphore_waiter',
    sleepsIn: /^_{2,3}down(_common|_interruptible|_killable|_timeout)?(\.|$)/,
  },
];

const WORD_BYTES = 8;
/** Tasks that wait for one lock. */
const MOST_WAITERS = 1 << 16;

/** The part of a stack that is in use. */
interface LiveStack {
  readonly start: bigint;
  readonly words: BigUint64Array;
}

/** What is the same for all tasks. */
interface Search {
  readonly kernel: DeadKernel;
  /** The stacks of all tasks, by the address of the task_struct. */
  readonly stacks: ReadonlyMap<bigint, bigint>;
  /** By each list_head of its list: many tasks may wait for one lock. */
  readonly locks: Map<bigint, bigint | undefined>;
}

/**
 * @param tasks all of them.
 * @returns what a task waits for: undefined when that is something else, or memory does not say it. It throws AutopsyError
 * and KernelError when its stack cannot be read, or the waiters of this kernel are not known.
 */
export function stackWaits(
  kernel: DeadKernel,
  tasks: readonly StackOf[],
): (task: StackOf) => Wait | undefined {
  const stacks = new Map(tasks.map(({ address, stack }) => [address, stack]));
  const search: Search = { kernel, stacks, locks: new Map() };
  return task => stackWait(search, task);
}

function stackWait(search: Search, task: StackOf): Wait | undefined {
  const { kernel } = search;
  const live = liveStack(kernel, task);
  const type = live && sleepsFor(kernel, live);
  if (!type) return undefined;
  const list = listOffset(kernel, type);
  for (const waiter of waitersOf(kernel, type, live, task)) {
    const lock = attempt(() => lockOf(search, type, live, waiter + list));
    if (lock !== undefined) return { kind: type.kind, lock, ...wants(kernel, type, waiter) };
  }
  return undefined;
}

/** x86 and arm64. */
const STACK_POINTERS = ['task_struct.thread.sp', 'task_struct.thread.cpu_context.sp'];

/** @throws AutopsyError, KernelError */
function liveStack(
  { memory, fields, types }: DeadKernel,
  { address, stack }: StackOf,
): LiveStack | undefined {
  if (stack === 0n) return undefined;
  const path = STACK_POINTERS.find(path => types.has(path)) ?? STACK_POINTERS[0]!;
  const start = fields.pointer(address, path) & ~7n;
  const end = stack + BigInt(memory.arch.stackBytes);
  if (start < stack || start >= end) return undefined;
  const bytes = memory.readVirtual(start, Number(end - start), 'a kernel stack');
  return { start, words: new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / WORD_BYTES) };
}

/** By the innermost function on the stack that waits for a lock. */
function sleepsFor({ symbols, memory }: DeadKernel, { words }: LiveStack): LockType | undefined {
  const halves = new Uint32Array(words.buffer, words.byteOffset, words.length * 2);
  const { imageHigh } = memory.arch.pointers;
  for (let i = 0; i < words.length; i++) {
    if (halves[2 * i + 1]! < imageHigh) continue;
    const word = words[i]!;
    const name = symbols.isText(word) ? symbols.at(word)?.name : undefined;
    const type = name !== undefined && LOCK_TYPES.find(({ sleepsIn }) => sleepsIn.test(name));
    if (type) return type;
  }
  return undefined;
}

function* waitersOf(
  { types }: DeadKernel,
  { waiter }: LockType,
  { start, words }: LiveStack,
  { address }: StackOf,
): Generator<bigint> {
  const offset = BigInt(types.offset(`${waiter}.task`));
  for (const [i, word] of words.entries()) {
    const found = start + BigInt(i * WORD_BYTES) - offset;
    if (word === address && found >= start) yield found;
  }
}

function listOffset({ types }: DeadKernel, { waiter }: LockType): bigint {
  return BigInt(types.offset(`${waiter}.list`));
}

/** The addresses of all list_heads that `node` is linked to, itself first. Undefined when the list is not whole. */
function ringOf({ memory }: DeadKernel, node: bigint): bigint[] | undefined {
  const ring = [node];
  for (let at = memory.u64(node), before = node; at !== node; ) {
    if (ring.length === MOST_WAITERS || memory.u64(at + 8n) !== before) return undefined;
    ring.push(at);
    before = at;
    at = memory.u64(at);
  }
  return memory.u64(node + 8n) === ring.at(-1) ? ring : undefined;
}

/** @param node the list_head of a waiter. */
function lockOf(search: Search, type: LockType, live: LiveStack, node: bigint): bigint | undefined {
  const { kernel, locks } = search;
  if (locks.has(node)) return locks.get(node);
  const ring = ringOf(kernel, node);
  if (!ring) return undefined;
  const lock = kernel.types.has(`${type.lock}.wait_list`)
    ? lockOfHead(search, type, ring)
    : lockOnStack(kernel, type, live, ring);
  for (const linked of ring) locks.set(linked, lock);
  return lock;
}

/** The list's head is in the lock, and all others are in waiters on stacks. */
function lockOfHead({ kernel, stacks }: Search, type: LockType, ring: readonly bigint[]): bigint | undefined {
  const heads = ring.filter(node => !isWaiter(kernel, type, stacks, node));
  return heads.length === 1 ? heads[0]! - BigInt(kernel.types.offset(`${type.lock}.wait_list`)) : undefined;
}

function isWaiter(
  kernel: DeadKernel,
  type: LockType,
  stacks: ReadonlyMap<bigint, bigint>,
  node: bigint,
): boolean {
  const { memory, fields } = kernel;
  const waiter = node - listOffset(kernel, type);
  const task = attempt(() => fields.pointer(waiter, `${type.waiter}.task`));
  const stack = task === undefined ? undefined : stacks.get(task);
  return stack !== undefined && node >= stack && node < stack + BigInt(memory.arch.stackBytes);
}

/**
 * Since Linux v7.1 the list has no head, and the lock points to the first waiter. The function that waits has kept the
 * address of the lock on its stack.
 */
function lockOnStack(
  kernel: DeadKernel,
  type: LockType,
  live: LiveStack,
  ring: readonly bigint[],
): bigint | undefined {
  const path = `${type.lock}.first_waiter`;
  if (!kernel.types.has(path)) return undefined;
  const offset = listOffset(kernel, type);
  const waiters = new Set(ring.map(node => node - offset));
  const end = live.start + BigInt(live.words.length * WORD_BYTES);
  // Words of the waiter itself are followed by addresses of waiters too.
  const isOfWaiter = (word: bigint) => ring.includes(word) || (word >= live.start && word < end);
  return live.words.find(
    word =>
      word !== 0n && waiters.has(attempt(() => kernel.fields.pointer(word, path)) ?? 0n) && !isOfWaiter(word),
  );
}

function wants({ fields, types }: DeadKernel, { kind }: LockType, waiter: bigint): Pick<Wait, 'wants'> {
  const wanted = attempt(() =>
    fields.number(waiter, 'rwsem_waiter.type') ===
    enumValues(types, 'rwsem_waiter_type')('RWSEM_WAITING_FOR_READ')
      ? ('read' as const)
      : ('write' as const),
  );
  return kind === 'rwsem' && wanted ? { wants: wanted } : {};
}
