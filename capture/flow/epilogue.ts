/** What is written to a target last, whatever happened before: the manifest, and the capture kernel's log with ours. */

import { attempt, describeError } from '../errors.ts';
import { mergeLogs } from '../init/kernel-log.ts';
import { UNKNOWN_NAME } from '../kernel/utsname.ts';
import { MANIFEST_FORMAT, MANIFEST_NAME, type Manifest, type ManifestFile } from '../storage/manifest.ts';
import type { TextPlace } from '../storage/place/place.ts';
import { PROGRAM } from '../version.ts';
import { type Course, type Made, reasonOf, type Verdict } from './record.ts';

/** The manifest's word for each verdict. */
const STATES: Readonly<Record<Verdict['state'], Manifest['state']>> = {
  complete: 'complete',
  lacking: 'incomplete',
  skipped: 'skipped',
  failed: 'incomplete',
};

/** Adds what it writes to `files`. @throws what the place throws. */
export function writeEpilogue(course: Course, place: TextPlace, files: ManifestFile[], made: Made): void {
  const { log, system } = course.context;
  const manifest = manifestOf(course, place, files, made);
  files.push(place.writeDurably(MANIFEST_NAME, [`${JSON.stringify(manifest, null, 2)}\n`]));
  const kernelLog =
    attempt(
      () => system.readKernelLog(),
      error => log.warn('commit', describeError(error)),
    ) ?? [];
  files.push(place.writeDurably('kexec-dmesg.log', [mergeLogs(kernelLog, log.lines)]));
}

function manifestOf(
  { context, evidence: { crash }, findings, phases, stamp, memoryLow }: Course,
  { name }: TextPlace,
  files: readonly ManifestFile[],
  { verdict, space, triage }: Made,
): Manifest {
  return {
    format: MANIFEST_FORMAT,
    program: PROGRAM,
    state: STATES[verdict.state],
    failure: reasonOf(verdict),
    stamp: { ...stamp, name },
    kernel: {
      release: crash?.utsname.release,
      buildId: crash?.vmcore.vmcoreinfo.buildId,
      version: crash?.utsname.version,
      machine: crash?.utsname.machine || undefined,
      nodename: crash?.utsname.nodename === UNKNOWN_NAME ? undefined : crash?.utsname.nodename,
    },
    crash: { reason: findings.reason, uptimeSeconds: findings.uptimeSeconds },
    dump: 'dump' in verdict ? verdict.dump : undefined,
    space,
    autopsy: findings.autopsy?.record,
    triage,
    files,
    seconds: phases.seconds,
    memory: memoryLow(),
    cpus: {
      online: context.compressors.cpus,
      threads: 'dump' in verdict ? verdict.threads : undefined,
    },
    warnings: context.log.warnings,
  };
}
