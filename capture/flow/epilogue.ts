/** What is written last to a target, whatever happened before: the manifest, and the capture kernel's log with ours. */
import { attempt, describeError } from '../errors.ts';
import { mergeLogs, readKernelLog } from '../init/kernel-log.ts';
import { MANIFEST_FORMAT, MANIFEST_NAME, type Manifest } from '../storage/manifest.ts';
import type { DumpPlace } from '../storage/place/place.ts';
import { PROGRAM } from '../version.ts';
import { type Course, isComplete, type Saving } from './record.ts';

export function writeEpilogue(course: Course, place: DumpPlace, saving: Saving): void {
  const { crash, findings, phases, stamp } = course;
  const { log } = course.context;
  const isWhole = isComplete(saving);
  const vmcoreinfo = crash?.vmcore.vmcoreinfo;
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    program: PROGRAM,
    state: isWhole ? 'complete' : saving.skipped ? 'skipped' : 'incomplete',
    failure: isWhole ? undefined : (saving.skipped ?? saving.failure ?? 'unknown'),
    stamp: { ...stamp, name: place.name },
    kernel: {
      release: crash?.utsname.release,
      buildId: vmcoreinfo?.buildId,
      version: crash?.utsname.version,
      machine: crash?.utsname.machine || undefined,
    },
    crash: { reason: findings.reason, uptimeSeconds: findings.uptimeSeconds },
    dump: saving.dump?.manifest,
    space: saving.keeper?.record(),
    files: saving.files,
    seconds: phases.seconds,
    warnings: log.warnings,
  };
  saving.files.push(place.writeDurably(MANIFEST_NAME, [`${JSON.stringify(manifest, null, 2)}\n`]));
  const kernelLog = attempt(readKernelLog, error => log.warn('commit', describeError(error))) ?? [];
  saving.files.push(place.writeDurably('kexec-dmesg.log', [mergeLogs(kernelLog, log.lines)]));
}
