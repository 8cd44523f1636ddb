/** The work of the autopsy program: reads a vmcore and writes the autopsy as text and as JSON, and which pages a triage dump needs. */
import { openSync, writeFileSync, writeSync } from 'node:fs';
import type { Effort } from '../autopsy/effort.ts';
import { type Inspection, inspect } from '../autopsy/inspection.ts';
import type { DeadKernel } from '../autopsy/kernel.ts';
import { AUTOPSY_FORMAT, type Autopsy, type AutopsyCrash, isMissing } from '../autopsy/summary/autopsy.ts';
import { boundedSource, type ReadBudget } from '../autopsy/summary/bounded-source.ts';
import { fitted } from '../autopsy/summary/fit.ts';
import { type Limits, readKernelParts } from '../autopsy/summary/read.ts';
import { autopsyLines } from '../autopsy/summary/text.ts';
import { attempt } from '../errors.ts';
import { type Crash, openCrash } from '../kernel/crash.ts';
import { MOST_TRIAGE_PAGES } from '../triage/bitmap.ts';
import { finishTriage, openTriage } from '../triage/select.ts';
import { openVmcoreFile } from '../vmcore/reader.ts';
import { writeWhole } from '../whole-file.ts';
import { MOST_AUTOPSY_BYTES, type SceneResult, sceneFiles } from './files.ts';

/** Ten times what Debian's kernels take, most of it symbols and types. It bounds the time whatever the machine's speed is. */
const BUDGET: ReadBudget = { bytes: 128 << 20, reads: 1 << 17 };
/** A stack and its task take 28 KB to read. */
const LIMITS: Limits = { stacks: 1000, names: 16 };
/** Emulated, telling of a read takes as long as the read. */
const READS_PER_SIGN = 16;
/** Memory is short, and reading /proc/vmcore again costs no disk. */
const EFFORT: Effort = { cachedBytes: 512 << 10, mostReads: 1 << 20, tablePages: 32 };

/**
 * @param directory exists.
 * @param withTables see finishTriage.
 * @throws SystemError, VmcoreError: what the vmcore cannot be opened for. What a part cannot read is in the autopsy.
 */
export function writeAutopsy(vmcorePath: string, directory: string, withTables: boolean): void {
  const files = sceneFiles(directory);
  const progress = openSync(files.progress, 'w');
  let reads = 0;
  const source = boundedSource(openVmcoreFile(vmcorePath, undefined), BUDGET, () => {
    if (reads++ % READS_PER_SIGN === 0) writeSync(progress, String(reads), 0);
  });
  const crash = openCrash(source);
  const { segments, pageSizeBytes } = crash.vmcore;
  const triage = openTriage(crash.vmcore, {
    isHeld: pfn => segments.fileRunBytes(pfn * pageSizeBytes) >= pageSizeBytes,
    mostPages: MOST_TRIAGE_PAGES,
    effort: EFFORT,
  });
  const inspection = inspect(triage.kernel);
  const autopsy = fitted(autopsyOf(crash, triage.kernel, inspection), MOST_AUTOPSY_BYTES);
  const result = resultOf(autopsy);
  if (autopsy && result.state === 'saved') {
    writeFileSync(files.text, [...autopsyLines(autopsy)].join(''));
    writeFileSync(files.json, `${JSON.stringify(autopsy)}\n`);
  }
  writeWhole(files.result, JSON.stringify(result));
  // Last: the capture ends the program when it takes too long, and the autopsy is worth more.
  attempt(() => {
    const { debuggerPages, pfns } = finishTriage(triage, withTables, inspection);
    const doubles = new Float64Array(pfns.length + 1);
    doubles[0] = debuggerPages;
    doubles.set(pfns, 1);
    writeWhole(files.pages, new Uint8Array(doubles.buffer));
  });
}

function autopsyOf({ utsname }: Crash, kernel: DeadKernel, inspection: Inspection): Autopsy {
  const { release, nodename } = utsname;
  return {
    format: AUTOPSY_FORMAT,
    kernel: { release, nodename },
    ...readKernelParts(kernel, LIMITS, inspection),
    memory: { missing: 'the dump has it' },
    log: { missing: 'vmcore-dmesg.txt has it' },
  };
}

function resultOf(autopsy: Autopsy | undefined): SceneResult {
  if (!autopsy) return { state: 'skipped', why: `it has more than ${MOST_AUTOPSY_BYTES} bytes` };
  const { crash, stacks } = autopsy;
  if (isMissing(crash) && isMissing(stacks)) return { state: 'skipped', why: stacks.missing };
  const { class: name, culprit }: Partial<AutopsyCrash> = isMissing(crash) ? {} : crash;
  return {
    state: 'saved',
    ...(name !== undefined && { class: name }),
    ...(culprit?.name !== undefined && { culprit: culprit.name }),
    stacks: isMissing(stacks) ? 0 : stacks.length,
  };
}
