/** `kdumpling dump --dump-dmesg`: the kernel log, in the format of vmcore-dmesg.txt. */
import { KernelError } from '../../../capture/errors.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { dmesgLines } from '../../../capture/kernel/dmesg-text.ts';
import { openCrashFile } from './crash-file.ts';
import type { Messages } from './messages.ts';
import { choiceOf, withOutput } from './output.ts';
import type { DumpRequest } from './request.ts';

export async function dumpDmesg(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
): Promise<void> {
  const { crash } = openCrashFile(request, messages);
  const { memory, vmcore } = crash;
  if (!memory) {
    throw new KernelError('NO_KERNEL_MEMORY', {
      action: `read the kernel log in ${request.vmcore}`,
      actual: "the crashed kernel's addresses cannot be translated",
      toDo: 'the warnings above give the reason',
    });
  }
  const [path] = request.outputs;
  const warnings: string[] = [];
  await withOutput({ ...choiceOf(request), path }, signal, async sink =>
    writeLines(dmesgLines(memory, vmcore.vmcoreinfo, warnings), sink),
  );
  for (const warning of warnings) messages.warn(warning);
  messages.say(`${path}: the kernel log`);
}

const CHUNK_CHARS = 1 << 16;

function writeLines(lines: Iterable<string>, sink: DumpSink): void {
  let offset = 0;
  let text = '';
  const flush = (): void => {
    const bytes = Buffer.from(text, 'latin1');
    sink.writeAt(bytes, offset);
    offset += bytes.length;
    text = '';
  };
  for (const line of lines) {
    text += line;
    if (text.length >= CHUNK_CHARS) flush();
  }
  flush();
}
