/**
 * What stands in a Node binary for code that was taken out: a slide of instructions that do nothing, which ends at a door. The
 * door replaces the process by the script that starts again with the whole Node (initrd/again.sh).
 *
 * A slide and no trap: PID 1 cannot be told of a signal before it has asked for that, and dies of it with the kernel. Whoever
 * comes in, at whatever place of a function and on whatever thread, needs no stack of any form, no memory and no library.
 * execve(2) ends the other threads, and gives the process the number of its first one.
 */
import { AGAIN_SCRIPT } from '../../capture/options/runtime.ts';

/** x86-64: nop. */
const NOP = 0x90;
/** push imm32; ret: jumps to a fixed address below 2 GiB, from anywhere with the same bytes. */
const JUMP_BYTES = 6;
/** What a function must have for the door to fit in. */
export const DOOR_BYTES = 256;

const PROGRAM = '/bin/busybox';
const WORDS = ['busybox', 'sh', AGAIN_SCRIPT];

/** Linux arch/x86/entry/syscalls/syscall_64.tbl */
const SYS = { rt_sigprocmask: 14, execve: 59, exit_group: 231 };
const SIG_SETMASK = 2;
const SIGSET_BYTES = 8;
/** Where even busybox is missing: for PID 1 that is a panic, and panic= reboots. */
const EXIT_STATUS = 70;

/** @param address where it will be, below 2 GiB. */
export function doorAt(address: number): Buffer {
  const door = Buffer.alloc(DOOR_BYTES, NOP);
  const text = (at: number, value: string) => door.write(`${value}\0`, at, 'latin1');
  // Behind the code: no signal, then the list of words with a null at its end, then the strings.
  const noSignalsAt = 80;
  const wordsAt = noSignalsAt + SIGSET_BYTES;
  let end = wordsAt + 8 * (WORDS.length + 1);
  door.fill(0, noSignalsAt, end);
  for (const [index, word] of WORDS.entries()) {
    door.writeBigUInt64LE(BigInt(address + end), wordsAt + 8 * index);
    end += text(end, word);
  }
  const programAt = end;
  text(programAt, PROGRAM);
  // A thread of libuv's may have all signals blocked, and a program that is executed inherits that.
  const code = [
    ...set('edi', SIG_SETMASK),
    ...set('esi', address + noSignalsAt),
    ...set('edx', 0),
    ...[0x41, ...set('r10d', SIGSET_BYTES)],
    ...call(SYS.rt_sigprocmask),
    ...set('edi', address + programAt),
    ...set('esi', address + wordsAt),
    ...set('edx', 0),
    ...call(SYS.execve),
    ...set('edi', EXIT_STATUS),
    ...call(SYS.exit_group),
  ];
  door.set(code);
  return door;
}

/** Opcodes of `mov r32, imm32`, which clears the upper half. r10d needs a prefix before it. */
const MOV = { eax: 0xb8, edx: 0xba, esi: 0xbe, edi: 0xbf, r10d: 0xba };

function set(register: keyof typeof MOV, value: number): number[] {
  const operand = Buffer.alloc(4);
  operand.writeUInt32LE(value);
  return [MOV[register], ...operand];
}

function call(number: number): number[] {
  return [...set('eax', number), 0x0f, 0x05];
}

/**
 * Fills a run of functions with slides to the door: one for each page, so that whoever comes in touches one or two. The last
 * function has at least `LEAST_FUNCTION_BYTES`, in the last of which no other begins.
 */
export function fillWithSlides(
  code: Buffer,
  { start, end }: { readonly start: number; readonly end: number },
  { door, pageBytes, isEntry }: SlideShape,
): void {
  code.fill(NOP, start, end);
  const jumpAt = (at: number) => {
    code[at] = 0x68;
    code.writeUInt32LE(door, at + 1);
    code[at + JUMP_BYTES - 1] = 0xc3;
  };
  for (let page = nextPage(start, pageBytes); page + 2 * JUMP_BYTES <= end; page += pageBytes) {
    let at = page - JUMP_BYTES;
    while (at >= start && hasEntry(at, isEntry)) at -= 1;
    if (at >= start) jumpAt(at);
  }
  jumpAt(end - JUMP_BYTES);
}

export interface SlideShape {
  /** Its address. */
  readonly door: number;
  readonly pageBytes: number;
  readonly isEntry: (offset: number) => boolean;
}

/** What takes a jump at its end. */
export const LEAST_FUNCTION_BYTES = JUMP_BYTES;

/** Whoever came in there would run half a jump. */
export function hasEntry(jump: number, isEntry: (offset: number) => boolean): boolean {
  return Array.from({ length: JUMP_BYTES - 1 }, (_, index) => jump + 1 + index).some(isEntry);
}

function nextPage(offset: number, pageBytes: number): number {
  return (Math.floor(offset / pageBytes) + 1) * pageBytes;
}
