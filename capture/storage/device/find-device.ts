/** Waits a bounded time until the device that a target names appears, and logs what it waits for. */
import { TargetError } from '../../errors.ts';
import { fileSystemNamed } from '../../options/file-systems.ts';
import type { TargetSpec } from '../../options/target-spec.ts';
import { type BlockDevice, blockDevices } from './block-devices.ts';
import { namesDevice } from './device-names.ts';

/** A look takes some milliseconds of a CPU; a disk often appears a tenth of a second after its driver. */
const POLL_SECONDS = 0.125;
/** The first line when the device is not there at once, the next ones at this interval. */
const SECONDS_BETWEEN_LINES = 10;

export interface Waiting {
  readonly clock: { seconds(): number; sleep(seconds: number): void };
  readonly timeoutSeconds: number;
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Makes further devices from those present (logical volumes); returns whether it made any. */
  readonly activate?: (devices: readonly BlockDevice[]) => boolean;
  /** Replaced by tests. */
  readonly devices?: () => BlockDevice[];
}

/** @throws TargetError when the device did not appear in time. */
export function findDevice(spec: TargetSpec, waiting: Waiting): BlockDevice {
  const { clock, timeoutSeconds, say, warn, devices: list = blockDevices } = waiting;
  const started = clock.seconds();
  let nextLine = started;
  for (;;) {
    const devices = list();
    const found = chooseDevice(spec, devices, warn);
    if (found) return found;
    if (waiting.activate?.(devices)) continue;
    const waited = clock.seconds() - started;
    if (waited >= timeoutSeconds) throw missing(spec, devices, timeoutSeconds);
    if (clock.seconds() >= nextLine) {
      nextLine += SECONDS_BETWEEN_LINES;
      say(
        `waiting for ${spec.device}, ${waited.toFixed(0)} of ${timeoutSeconds} s; there are ${nodes(devices)}`,
      );
    }
    clock.sleep(POLL_SECONDS);
  }
}

/**
 * The device that the target means. Where the file system's UUID is known beside the device's name, the UUID decides: a
 * disk whose name has changed is found, and another disk that has its name now is not touched.
 */
export function chooseDevice(
  spec: TargetSpec,
  devices: readonly BlockDevice[],
  warn: (text: string) => void,
): BlockDevice | undefined {
  const named = devices.filter(device => namesDevice(spec.device, device));
  const uuid = uuidOf(spec);
  const meant = uuid ? devices.filter(device => namesDevice(`UUID=${uuid}`, device)) : named;
  const found = meant.find(device => named.includes(device)) ?? meant[0];
  if (!found) return undefined;
  if (uuid && !named.includes(found)) {
    warn(`${spec.device} is ${found.node} now, by its UUID ${uuid}`);
  }
  const { spansDevices } = fileSystemNamed(found.superblock?.fstype ?? '') ?? {};
  if (meant.length > 1 && !spansDevices) {
    warn(`${spec.device} is ${meant.length} devices (${nodes(meant)}); taking ${found.node}`);
  }
  return found;
}

function missing(spec: TargetSpec, devices: readonly BlockDevice[], timeoutSeconds: number): TargetError {
  const other = devices.find(device => namesDevice(spec.device, device));
  const actual = other
    ? `${other.node} is a different file system (its UUID is ${other.superblock?.uuid ?? 'none'}, not ${uuidOf(spec)})`
    : `it did not appear in ${timeoutSeconds} s`;
  return new TargetError('DEVICE_MISSING', {
    action: `find the dump target ${spec.device}`,
    actual: `${actual}; there are ${nodes(devices)}`,
    wanted: 'its disk, and the modules for it in the image',
  });
}

function uuidOf(spec: TargetSpec): string | undefined {
  return spec.kind === 'file system' ? spec.uuid : undefined;
}

function nodes(devices: readonly BlockDevice[]): string {
  return devices.map(({ node }) => node).join(' ') || 'no block devices';
}
