/** `kdumpling debug`: the debugger of this machine on a dump, with the debug symbols of its kernel. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TargetError } from '../../capture/errors.ts';
import { printable } from '../../capture/text.ts';
import { eMachineOf } from '../../capture/vmcore/machines.ts';
import { badValue, type Command, EXIT, UsageError } from '../lib/cli/command.ts';
import { chooseDebugger, findProgram } from '../lib/debug/choose-debugger.ts';
import { DEBUGGERS, type DebuggerName } from '../lib/debug/debuggers.ts';
import { dumpedKernel } from '../lib/debug/dumped-kernel.ts';
import { findVmlinux } from '../lib/debug/find-vmlinux.ts';
import { moduleFiles } from '../lib/debug/module-files.ts';
import { requireOpenable } from '../lib/debug/openable.ts';
import { runDebugger } from '../lib/debug/run-debugger.ts';
import { openScratch } from '../lib/debug/vmlinux.ts';
import { distributionOf } from '../lib/debug-packages/os-release.ts';
import { openMessages } from '../lib/dump/messages.ts';
import { MESSAGE } from '../lib/dump/request.ts';
import { standInNote } from '../lib/dumps/choose-file.ts';
import { findDump, onlyArgument } from '../lib/dumps/find-dump.ts';
import { openDumpFile } from '../lib/dumps/open-vmcore.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { openHost } from '../lib/host/host.ts';

const OPTIONS = {
  crash: { help: 'with crash; by default crash where this machine has it, else drgn' },
  drgn: { help: 'with drgn' },
  batch: {
    value: 'FILE',
    help: 'run the commands of FILE (crash) or this Python script (drgn) and end',
  },
  vmlinux: { value: 'FILE', help: 'this file, if its build id is that of the dump' },
  ...ROOT_OPTION,
} as const;

export const debug: Command<typeof OPTIONS> = {
  name: 'kdumpling debug',
  purpose: "Starts crash or drgn on a dump (by default the last one), with its kernel's debug symbols.",
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run(given, signal) {
    const batch = given.batch === undefined ? undefined : readableFile('batch', given.batch);
    const host = openGivenHost(given.root);
    const dump = findDump(host, onlyArgument('kdumpling debug', given.positionals));
    if (dump.dumpFile === undefined) {
      throw new TargetError('NO_DUMP_FILE', {
        action: `debug ${dump.id}`,
        actual: 'it has a kernel log and no dump of the memory',
        toDo: `read its report: kdumpling report ${dump.id}`,
      });
    }
    const path = host.entry(join(dump.directory, dump.dumpFile));
    requireOpenable(path, dump.id);
    const kernel = kernelOf(path, dump.id);
    const here = openHost();
    const ownMachine = eMachineOf(process.arch === 'arm64' ? 'aarch64' : 'x86_64')!;
    const chosen = chooseDebugger(
      {
        asked: askedFor(given),
        batch,
        machine: kernel.machine,
        ownMachine,
        distribution: distributionOf(here),
      },
      name => findProgram(name, process.env.PATH),
    );
    const scratch = openScratch();
    // The debugger's own output is all of standard output.
    const messages = openMessages(MESSAGE.progress | MESSAGE.common | MESSAGE.error, false);
    const say = (text: string) => messages.say(printable(`kdumpling: debug: ${text}`));
    try {
      const vmlinux = await findVmlinux({
        host,
        kernel,
        given: given.vmlinux,
        beside: dump.directory,
        ownMachine,
        scratch: scratch.path,
        signal,
        say,
        onProgress: (done, total) => messages.progress(done, total, 'bytes'),
      });
      signal.throwIfAborted();
      say(`vmlinux is ${vmlinux.path}${kernel.buildId ? `, build id ${kernel.buildId}` : ''}`);
      const note = standInNote(dump);
      if (note) say(note);
      else if (dump.state === 'incomplete') say(`warning: the dump is incomplete: ${dump.why}`);
      const session = { dump: path, vmlinux, modules: moduleFiles(host, kernel), batch };
      const { arguments: argumentsFor, batchInput } = DEBUGGERS[chosen.name];
      const input = batch === undefined ? undefined : batchInput;
      const exitCode = await runDebugger(chosen.path, argumentsFor(session), input);
      if (batch !== undefined && exitCode !== EXIT.done) say(failed(chosen.name, exitCode, dump.id));
      return exitCode;
    } finally {
      scratch.remove();
    }
  },
};

function kernelOf(path: string, id: string) {
  const file = openDumpFile(path, `debug ${id}`);
  try {
    return dumpedKernel(file.vmcore);
  } finally {
    file.close();
  }
}

/** @throws UsageError */
function askedFor(given: { readonly crash: boolean; readonly drgn: boolean }): DebuggerName | undefined {
  if (given.crash && given.drgn)
    throw new UsageError('USAGE', {
      action: 'run kdumpling debug',
      actual: 'both --crash and --drgn are given',
      wanted: 'one of them',
    });
  if (given.crash) return 'crash';
  return given.drgn ? 'drgn' : undefined;
}

/** An absolute path, which no debugger takes for an option. @throws UsageError */
function readableFile(option: string, file: string): string {
  const path = resolve(file);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw badValue(option, file, 'a file');
}

function failed(name: DebuggerName, exitCode: number, id: string): string {
  const other = name === 'crash' ? `kdumpling debug --drgn ${id}, or ` : '';
  return `${name} ended with exit code ${exitCode}. If it does not open this dump, try ${other}kdumpling bt, ps and log, which need no debug symbols`;
}
