/** A target opened for a capture: with its options, its console and the FFI's part of logical volumes. */
import type { CaptureContext } from './capture.ts';
import { createLinearDevice } from './ffi/device-mapper.ts';
import { volumeActivator } from './target/lvm/activate.ts';
import type { LinearVolume } from './target/lvm/volumes.ts';
import { type OpenTarget, openTarget } from './target/open-target.ts';
import type { TargetSpec } from './target/target-spec.ts';

/** @throws as openTarget does. */
export function openCaptureTarget(
  { options, log, clock, system, libc }: CaptureContext,
  spec: TargetSpec,
): OpenTarget {
  const say = (text: string) => log.say('target', text);
  const warn = (text: string) => log.warn('target', text);
  const createVolume = ({ name, uuid, segments }: LinearVolume) =>
    libc && createLinearDevice(libc, name, uuid, segments);
  const target = openTarget(spec, {
    system,
    clock,
    timeoutSeconds: options.deviceTimeoutSeconds,
    fsck: options.fsck,
    say,
    warn,
    activate: libc && volumeActivator(createVolume, say, warn),
  });
  const named = spec.device === target.device ? '' : `${spec.device} is `;
  log.say('target', `${named}${target.description}`);
  return target;
}
