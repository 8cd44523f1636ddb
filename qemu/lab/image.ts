/** The capture image of a run: the stock one, or one that the fault changes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram } from '../../build/cached-program.ts';
import { PROJECT } from '../../build/paths.ts';
import { NOT_AT_CAPTURE_START, programVersion } from '../../build/program.ts';
import {
  buildStockImage,
  type ImageVariant,
  LAB_DISK_DRIVERS,
  LAB_ROOT_UUID,
} from '../../build/stock-image.ts';
import { diskDrivers } from '../disks/boot-disk.ts';
import { uuidOn } from '../disks/file-systems.ts';
import { type Fault, RAW_COPY_BUNDLE } from '../faults/fault.ts';
import type { SystemImage } from '../system/system-image.ts';
import type { Lab } from './lab.ts';

/** @returns the image's path: in `directory` when it is not the stock one. */
export async function captureImage(lab: Lab, fault: Fault, directory: string): Promise<string> {
  const program = { ...lab.program };
  const bundled = lab.choice.raw ? RAW_COPY_BUNDLE : fault.bundle;
  if (bundled) {
    const entry = 'entry' in bundled ? bundled.entry : 'capture/main.ts';
    const banner = 'firstLine' in bundled ? bundled.firstLine : undefined;
    program.capture = join(directory, 'capture.js');
    delete program.captureCode;
    await bundleProgram({
      entry: join(PROJECT, entry),
      output: program.capture,
      version: programVersion(),
      banner,
      loadedWhenUsed: NOT_AT_CAPTURE_START,
    });
  }
  if (fault.autopsy) {
    program.autopsy = join(directory, 'autopsy.js');
    const entry = join(PROJECT, fault.autopsy);
    delete program.autopsyCode;
    await bundleProgram({
      entry,
      output: program.autopsy,
      version: programVersion(),
      loadedWhenUsed: NOT_AT_CAPTURE_START,
    });
  }
  if (fault.beforeNode) {
    program.startNode = join(directory, 'start-node.sh');
    const start = readFileSync(lab.program.startNode, 'utf8');
    writeFileSync(
      program.startNode,
      start.replace(/^exec .*node/m, exec => `${fault.beforeNode}\n${exec}`),
    );
  }
  const { bus, fs, layout } = lab.choice.diskKind;
  const isStockDisk = bus === 'virtio-blk' && fs === 'ext4' && layout === 'whole';
  const isStockProgram = !bundled && !fault.autopsy && !fault.beforeNode;
  const isStock =
    hasRuntimeOnDisk(lab.system, fault) && isStockDisk && isStockProgram && !fault.options && !fault.layout;
  if (isStock) return lab.captureInitrd;
  const variant = imageVariant(lab, fault);
  return buildStockImage(program, lab.captureKernel, join(directory, 'capture.img'), variant).path;
}

/** Whether the boot disk has the runtime image, as on a machine with the package. A system image stays as it is. */
export function hasRuntimeOnDisk(system: SystemImage | undefined, { withoutRuntimeOnDisk }: Fault): boolean {
  return !system && !withoutRuntimeOnDisk;
}

function imageVariant({ system, choice: { diskKind: kind } }: Lab, fault: Fault): ImageVariant {
  const { options = {}, layout } = fault;
  const hasFallback = (options.fallbackTargets ?? []).length > 0;
  return {
    target: `UUID=${system ? system.root.uuid : uuidOn(kind.fs, LAB_ROOT_UUID)}`,
    fstype: kind.fs,
    disks: [...new Set([...diskDrivers(kind), ...(hasFallback ? LAB_DISK_DRIVERS : [])])],
    options: system ? { ...options, mountOptions: system.root.mountOptions } : options,
    layout,
    hasRuntimeOnTarget: hasRuntimeOnDisk(system, fault) && kind.layout !== 'lvm',
  };
}
