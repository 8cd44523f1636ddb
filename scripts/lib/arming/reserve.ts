/** Reserves memory at the next boots: how much, and through which boot loader. */
import {
  configuredCrashkernel,
  findBootLoader,
  noBootLoader,
  setCrashkernel,
} from '../boot-loader/boot-loaders.ts';
import { badValue } from '../cli/command.ts';
import type { Settings } from '../config/directives.ts';
import { haveSameEffect, readCrashkernel } from '../crashkernel/reading.ts';
import type { CrashkernelValues } from '../crashkernel/words.ts';
import { type ChoiceFacts, chooseCrashkernel } from '../estimate/choose.ts';
import { readingFacts } from '../estimate/reading-facts.ts';
import { advisedValues, lendingCost } from '../estimate/reservation.ts';
import type { Host } from '../host/host.ts';
import { refuseTooLittle } from './fit.ts';
import { hostReservation } from './host-reservation.ts';

export interface Reserved {
  /** The boot loader's name. */
  readonly loader: string;
  readonly values: CrashkernelValues;
  readonly why: string;
  /** What lending a part of it costs; undefined where nothing is lent by our choice. */
  readonly cost?: string;
}

/** @throws SystemError; then nothing is changed. */
export function reserveAtNextBoot(host: Host, settings: Settings, asked: ChoiceFacts['asked']): Reserved {
  const loader = findBootLoader(host);
  const reservation = hostReservation(host, settings);
  const { values, why } = chooseCrashkernel({
    asked,
    configured: loader ? configuredCrashkernel(host, loader) : [],
    reservation,
    reading: readingFacts(host),
  });
  refuseTooLittle(readCrashkernel(values, readingFacts(host)), reservation);
  if (!loader) throw noBootLoader(host, values);
  const changed = setCrashkernel(host, loader, values);
  const { lending } = reservation;
  const cost = lending && haveSameEffect(values, advisedValues(reservation));
  return {
    loader: loader.name,
    values,
    why: changed ? why : 'already set',
    ...(cost ? { cost: lendingCost(reservation, lending) } : {}),
  };
}

/** What `--crashkernel` asks for. @throws UsageError for what the kernel of this machine would not reserve. */
export function readAskedCrashkernel(host: Host, text: string): CrashkernelValues | 'auto' {
  if (text === 'auto') return text;
  const values = text.trim().split(/\s+/);
  const reading = readCrashkernel(values, readingFacts(host));
  if (reading.kind === 'reserved') return values;
  const why = reading.kind === 'void' ? ` (${reading.value}: ${reading.why})` : '';
  throw badValue('crashkernel', text, `a size like 192M that this kernel reserves${why}, or auto`);
}
