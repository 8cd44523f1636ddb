/** What the checks look at, read from the machine once. */
import { dirname } from 'node:path';
import { describeError, Failure } from '../../../capture/errors.ts';
import { DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import { readSpace, roomIn } from '../../../capture/storage/policy/space.ts';
import type { CommandLinePlan } from '../../../initrd/command-line.ts';
import { configuredCrashkernel, findBootLoader } from '../boot-loader/boot-loaders.ts';
import { readConfig } from '../config/config.ts';
import { NO_SETTINGS, type Settings } from '../config/directives.ts';
import { readCrashkernel } from '../crashkernel/reading.ts';
import { crashkernelValues } from '../crashkernel/words.ts';
import type { CpuChoice } from '../estimate/cpus.ts';
import { type DumpEstimate, estimateDump } from '../estimate/dump-size.ts';
import { memoryUse } from '../estimate/memory.ts';
import { readingFacts } from '../estimate/reading-facts.ts';
import type { Reservation } from '../estimate/reservation.ts';
import type { Host } from '../host/host.ts';
import { readKernelConfig } from '../host/kernel-config.ts';
import { findImage, hostKernel, modulesDirectory } from '../host/kernel-files.ts';
import { mountOf, parseMountinfo } from '../host/mounts.ts';
import { isSecureBoot } from '../host/secure-boot.ts';
import { isHostImageCurrent } from '../image/host-image.ts';
import { damageOf, readStamp } from '../image/stamp.ts';
import { hostCommandLine } from '../kexec/command-line.ts';
import { isCrashKernel, isLoaded } from '../kexec/crash-kernel.ts';
import { type Loaded, readLoaded } from '../kexec/loaded-record.ts';
import type { ReservedParts } from '../kexec/reserved-parts.ts';
import { type HostTarget, hostTarget } from '../storage/host-target.ts';
import { type TargetFinding, targetFindings } from '../storage/target-findings.ts';
import { hostCpus, hostReservation, hostReserved } from './host-reservation.ts';

export interface Facts {
  readonly host: Host;
  readonly kver: string;
  readonly modulesDirectory: string;
  readonly kernelConfig: ReadonlyMap<string, string> | undefined;
  readonly isSecureBoot: boolean;
  /** none, integrity, confidentiality */
  readonly lockdown: string;
  readonly isCrashKernel: boolean;
  readonly settings: Settings;
  readonly configError?: string;
  readonly target?: HostTarget;
  readonly targetError?: string;
  readonly targetFindings: readonly TargetFinding[];
  readonly mountedReadOnly: boolean;
  /** How large a dump may be there; undefined while the target is not mounted. */
  readonly roomBytes?: number;
  /** Undefined for an image, of whose memory nothing is known. */
  readonly dump?: DumpEstimate;
  /** The boot loader will pass crashkernel= at the next boot. */
  readonly enabled: boolean;
  /** crashkernel= on this boot's command line. */
  readonly commandLineHas: boolean;
  readonly reserved: ReservedParts;
  readonly reservation: Reservation;
  readonly image?: string;
  /** Undefined if that cannot be determined. */
  readonly imageIsCurrent?: boolean;
  /** In what the image differs from the one that was built; undefined if in nothing, or if that is not recorded. */
  readonly imageDamage?: string;
  /** Of the image that was built, in hex. */
  readonly imageSha256?: string;
  /** Of the crash kernel, by what this boot reserved. */
  readonly cpus: CpuChoice;
  readonly crashCommandLine: CommandLinePlan;
  /** What kdumpling loaded in this boot. */
  readonly loaded?: Loaded;
  readonly isLoaded: boolean;
}

export function readFacts(host: Host): Facts {
  const kver = hostKernel(host);
  const { value: settings = NO_SETTINGS, error: configError } = valueOrError(() => readConfig(host));
  const { value: target, error: targetError } = configError
    ? {}
    : valueOrError(() => hostTarget(host, settings));
  const image = findImage(host, kver);
  const stamp = readStamp(host, kver);
  const commandLine = host.read('/proc/cmdline') ?? '';
  const cpus = hostCpus(host, settings);
  return {
    host,
    kver,
    modulesDirectory: modulesDirectory(host, kver),
    kernelConfig: readKernelConfig(host, kver),
    isSecureBoot: isSecureBoot(host),
    lockdown: /\[(\w+)\]/.exec(host.read('/sys/kernel/security/lockdown') ?? '')?.[1] ?? 'none',
    isCrashKernel: isCrashKernel(host),
    settings,
    configError,
    target,
    targetError,
    // The disks of an image are those of the machine that it boots on.
    targetFindings:
      target && !host.isImage ? targetFindings(host, target, settings.options.fallbackTargets) : [],
    mountedReadOnly: isMountedReadOnly(host, target?.directory),
    roomBytes: target?.directory === undefined ? undefined : roomFor(host, target.directory, settings),
    dump: host.isImage
      ? undefined
      : estimateDump(memoryUse(host), settings.options.dumpLevel ?? DEFAULT_OPTIONS.dumpLevel),
    enabled: isEnabled(host),
    commandLineHas: crashkernelValues(commandLine).length > 0,
    reserved: hostReserved(host),
    reservation: hostReservation(host, settings),
    image,
    imageIsCurrent:
      target && (host.isImage || target.device)
        ? valueOrError(() => isHostImageCurrent(host, settings, kver)).value
        : undefined,
    imageDamage: image && stamp && damageOf(host, image, stamp),
    imageSha256: stamp?.sha256,
    cpus,
    crashCommandLine: hostCommandLine(host, settings, cpus.count),
    loaded: readLoaded(host),
    isLoaded: isLoaded(host),
  };
}

/** Whether the next boot reserves memory. Where the boot loader is not known, it is taken to be like this one. */
export function isEnabled(host: Host): boolean {
  const loader = findBootLoader(host);
  const { value: values = [] } = loader
    ? valueOrError(() => configuredCrashkernel(host, loader))
    : { value: crashkernelValues(host.read('/proc/cmdline') ?? '') };
  return readCrashkernel(values, readingFacts(host)).kind === 'reserved';
}

/** The room in the directory, or in the deepest parent that exists. */
function roomFor(host: Host, directory: string, settings: Settings): number {
  if (!host.exists(directory)) return roomFor(host, dirname(directory), settings);
  const keepFree = settings.options.keepFree ?? DEFAULT_OPTIONS.keepFree;
  return roomIn(readSpace(host.path(directory)), keepFree).root;
}

function isMountedReadOnly(host: Host, directory: string | undefined): boolean {
  if (directory === undefined) return false;
  return (
    mountOf(parseMountinfo(host.read('/proc/self/mountinfo') ?? ''), directory)?.options.includes('ro') ??
    false
  );
}

function valueOrError<T>(work: () => T): { value?: T; error?: string } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof Failure) return { error: describeError(error) };
    throw error;
  }
}
