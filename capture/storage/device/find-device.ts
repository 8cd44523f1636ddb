/** Waits, for a bounded time, until the device that a target means is there, and says what it waits for. */
import { TargetError } from '../../errors.ts';
import type { TargetSpec } from '../../options/target-spec.ts';
import { type BlockDevice, blockDevices } from './block-devices.ts';
import { namesDevice } from './device-names.ts';

const POLL_SECONDS = 0.5;
/** A line when nothing was found at once, and then as often as this. */
const SECONDS_BETWEEN_LINES = 10;

export interface Waiting {
  readonly clock: { seconds(): number; sleep(seconds: number): void };
  readonly timeoutSeconds: number;
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  /** Makes more devices out of those that are there (logical volumes); returns whether there are new ones now. */
  readonly activate?: (devices: readonly BlockDevice[]) => boolean;
  /** Exchangeable for a test's. */
  readonly devices?: () => BlockDevice[];
}

/** @throws TargetError when it did not appear in time. */
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
 * The device that the target's name means. A file system's UUID, where it is known beside the name, outranks it: a disk
 * that is called otherwise today is found, and another one that has its name is let alone.
 */
export function chooseDevice(
  spec: TargetSpec,
  devices: readonly BlockDevice[],
  warn: (text: string) => void,
): BlockDevice | undefined {
  const named = devices.filter(device => namesDevice(spec.device, device));
  const uuid = spec.uuid && spec.fstype !== 'raw' ? spec.uuid : undefined;
  const meant = uuid ? devices.filter(device => namesDevice(`UUID=${uuid}`, device)) : named;
  const found = meant.find(device => named.includes(device)) ?? meant[0];
  if (!found) return undefined;
  if (uuid && !named.includes(found)) {
    warn(`${spec.device} is ${found.node} now, by its UUID ${uuid}`);
  }
  // Devices of one btrfs share its UUID; anywhere else, these are copies of one another.
  if (meant.length > 1 && found.superblock?.fstype !== 'btrfs') {
    warn(`${spec.device} is ${meant.length} devices (${nodes(meant)}); taking ${found.node}`);
  }
  return found;
}

function missing(spec: TargetSpec, devices: readonly BlockDevice[], timeoutSeconds: number): TargetError {
  const other = devices.find(device => namesDevice(spec.device, device));
  const actual = other
    ? `${other.node} is another one (its UUID is ${other.superblock?.uuid ?? 'none'}, not ${spec.uuid})`
    : `it did not appear in ${timeoutSeconds} s`;
  return new TargetError('DEVICE_MISSING', {
    action: `find the dump target ${spec.device}`,
    actual: `${actual}; there are ${nodes(devices)}`,
    wanted: 'its disk, and the modules for it in the image',
  });
}

function nodes(devices: readonly BlockDevice[]): string {
  return devices.map(({ node }) => node).join(' ') || 'no block devices';
}
