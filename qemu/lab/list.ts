/** Every axis of the lab with a line on each value: what `--list` prints. */
import { type Flavour, KERNEL_ORIGINS } from '../../build/fetch/kernel-origins.ts';
import { PLATFORM_NAMES } from '../../build/parts/platform.ts';
import { CODECS } from '../../capture/codecs/table.ts';
import { LAYOUTS } from '../disks/boot-disk.ts';
import { BUSES } from '../disks/buses.ts';
import { LAB_FILE_SYSTEMS } from '../disks/file-systems.ts';
import { FAULTS } from '../faults/all.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../triggers/triggers.ts';
import { notOn } from './impossible.ts';
import { MATRICES } from './matrix.ts';
import { MACHINE_OPTIONS } from './options.ts';

interface Row {
  readonly name: string;
  readonly help: string;
}

const LAYOUT_HELP = { whole: 'the whole disk', gpt: 'a partition', lvm: 'a linear logical volume' } as const;
/** Axes of a size or of words, whose values are not listed. */
const OPEN = [
  'cpus',
  'nodes',
  'memory',
  'crashkernel',
  'level',
  'raw',
  'disk',
  'fill',
  'kernel-option',
  'crash-option',
  'crash-command',
] as const;

export function listOfAxes(): string {
  const axes: readonly (readonly [string, readonly Row[]])[] = [
    ['kernel', kernels()],
    ['fault', FAULTS],
    ['geometry', GEOMETRIES],
    [
      'trigger',
      [
        ...TRIGGERS,
        ...IMPOSSIBLE_TRIGGERS.map(({ name, why }) => ({ name, help: `cannot be made: ${why}` })),
      ],
    ],
    ['bus', BUSES.map(({ name, drivers }) => ({ name, help: drivers.join(', ') }))],
    ['fs', LAB_FILE_SYSTEMS.map(({ name, drivers }) => ({ name, help: drivers.join(', ') }))],
    ['layout', LAYOUTS.map(name => ({ name, help: LAYOUT_HELP[name] }))],
    ['codec', CODECS.map(({ name, option }) => ({ name, help: `as with makedumpfile -${option}` }))],
    ['matrix', MATRICES],
  ];
  const open = OPEN.map(name => ({ name: `--${name}`, help: MACHINE_OPTIONS[name].help }));
  const missing = PLATFORM_NAMES.map(
    architecture =>
      [
        `not with --arch ${architecture}`,
        notOn(architecture).map(({ name, why: help }) => ({ name, help })),
      ] as const,
  );
  return [
    ...axes.map(([option, rows]) => listOf(`--${option}`, rows)),
    listOf('others', open),
    ...missing.filter(([, rows]) => rows.length > 0).map(([title, rows]) => listOf(title, rows)),
  ].join('\n\n');
}

const FLAVOUR_HELP: Readonly<Record<Flavour, string>> = {
  cloud: 'for virtual machines',
  generic: 'for any machine',
  '16k': 'with pages of 16 KiB, for arm64',
};

function kernels(): Row[] {
  const stock = Object.entries(KERNEL_ORIGINS).flatMap(([series, origins]) =>
    Object.keys(origins[0]!.meta).map(flavour => ({
      name: `${series}-${flavour}`,
      help: `Debian’s newest ${series} ${FLAVOUR_HELP[flavour as Flavour]}`,
    })),
  );
  return [...stock, { name: 'PATH', help: 'your own: a bzImage, or the directory in which it was built' }];
}

function listOf(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  return [title, ...rows.map(({ name, help }) => `  ${name.padEnd(width)}${help}`)].join('\n');
}
