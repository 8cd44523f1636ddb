/**
 * A lab fault: does something bad when a phase begins, or in the middle of the page loop. `lab.at=verify lab.do=throw` on
 * the crash kernel's command line chooses; kdumpling itself does not read these words.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { openFfi } from '../../../capture/ffi/library.ts';
import { runAsInit } from '../../../capture/pid1.ts';
import { callUnusedCode } from './unused-code.ts';

const DEEDS: Readonly<Record<string, () => void>> = {
  throw() {
    throw new Error(`lab fault: thrown in ${at}`);
  },
  hang() {
    for (;;);
  },
  segfault() {
    new Uint8Array(openFfi().view(8n, 8))[0] = 1;
  },
  'call-unused'() {
    callUnusedCode();
  },
  /** Panics the crash kernel. */
  panic() {
    writeFileSync('/proc/sysrq-trigger', 'c');
  },
  /** Only the watchdog is left. */
  'kill-supervisor-and-hang'() {
    for (const pid of childrenOfInit()) process.kill(pid, 'SIGKILL');
    for (;;);
  },
};

const words = readFileSync('/proc/cmdline', 'utf8');
const at = word('at');
const deed = DEEDS[word('do')];

runAsInit({
  onPhase(phase) {
    if (phase === at) deed();
  },
  onProgress(phase, done, total) {
    if (at === `mid-${phase}` && done > total / 3) deed();
  },
});

function word(name: string): string {
  return new RegExp(`\\blab\\.${name}=(\\S+)`).exec(words)?.[1] ?? '';
}

/** `pid (comm) state ppid …`, proc_pid_stat(5) */
function childrenOfInit(): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return pids
    .filter(pid =>
      /^1 /.test(
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .split(/\) \S /)
          .at(-1)!,
      ),
    )
    .map(Number);
}
