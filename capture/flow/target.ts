/** A target opened for a capture, with the capture's options and console. Logical volumes are activated through the FFI. */
import { createLinearDevice } from '../ffi/device-mapper.ts';
import type { TargetSpec } from '../options/target-spec.ts';
import { volumeActivator } from '../storage/device/lvm/activate.ts';
import type { LinearVolume } from '../storage/device/lvm/volumes.ts';
import { type OpeningTarget, type OpenTarget, openTarget } from '../storage/open-target.ts';
import type { CaptureContext } from './context.ts';

export type TargetContext = Pick<CaptureContext, 'options' | 'log' | 'clock' | 'system' | 'libc'>;

/**
 * @param seams what a test puts in the place of the machine's devices.
 * @throws as openTarget does.
 */
export function openCaptureTarget(
  { options, log, clock, system, libc }: TargetContext,
  spec: TargetSpec,
  seams: Pick<OpeningTarget, 'devices' | 'makeMountpoint'> = {},
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
    ...seams,
  });
  const named = spec.device === target.device ? '' : `${spec.device} is `;
  log.say('target', `${named}${target.description}`);
  return target;
}
