/** Arms the running machine: builds the initrd if needed and loads the crash kernel. */
import { SystemError } from '../../../capture/errors.ts';
import { readConfig } from '../config/config.ts';
import type { CpuChoice } from '../estimate/cpus.ts';
import type { Host } from '../host/host.ts';
import { hostKernel, kernelImage } from '../host/kernel-files.ts';
import { ensureHostImage, type HostImage } from '../image/host-image.ts';
import { hostCommandLine, requireLoadable } from '../kexec/command-line.ts';
import { isLoaded, loadCrashKernel, reservedBytes } from '../kexec/crash-kernel.ts';
import { forgetLoaded, rememberLoaded } from '../kexec/loaded-record.ts';
import { writeReportUnit } from '../storage/report-unit.ts';
import { requireFit } from './fit.ts';
import { hostCpus } from './host-reservation.ts';

export interface Armed {
  readonly image: HostImage;
  readonly kernel: string;
  /** The call that loaded it. */
  readonly way: string;
  /** Of the crash kernel. */
  readonly cpus: CpuChoice;
}

/** Replaces a crash kernel that is already loaded. @throws Failure if the machine is not armed afterwards. */
export function armHost(host: Host, force = false): Armed {
  const settings = readConfig(host);
  if (reservedBytes(host) === 0) {
    throw new SystemError('NOT_RESERVED', {
      action: 'load the crash kernel',
      actual: 'this boot reserved no memory for it',
      toDo: 'Run `kdumpling enable` and reboot',
    });
  }
  const kver = hostKernel(host);
  const kernel = kernelImage(host, kver);
  const planned = () => {
    const cpus = hostCpus(host, settings);
    return { cpus, ...requireLoadable(hostCommandLine(host, settings, cpus.count)) };
  };
  planned();
  const image = ensureHostImage(host, settings, kver, force);
  // A larger initrd than the one before leaves less memory for CPUs.
  const { cpus, text: commandLine } = planned();
  writeReportUnit(host, settings);
  requireFit(host, settings);
  forgetLoaded(host);
  const way = loadCrashKernel(host, { kernel, initrd: image.path, commandLine });
  if (isLoaded(host)) {
    rememberLoaded(host, { imageSha256: image.sha256, commandLine });
    return { image, kernel, way, cpus };
  }
  throw new SystemError('NOT_LOADED', {
    action: 'load the crash kernel',
    actual: `${way} succeeded, but /sys/kernel/kexec_crash_loaded is not 1`,
  });
}
