/** Reserves memory at the next boots: how much, and through which boot loader. */
import { findBootLoader, noBootLoader, setCrashkernel } from '../boot-loader/boot-loaders.ts';
import type { Settings } from '../config/directives.ts';
import { chooseCrashkernel } from '../estimate/choose.ts';
import { memoryUse } from '../estimate/memory.ts';
import type { Host } from '../host/host.ts';
import { hostReservation } from './facts.ts';

export interface Reserved {
  /** The boot loader's name. */
  readonly loader: string;
  readonly value: string;
  readonly why: string;
}

/** @param asked see `chooseCrashkernel`. @throws SystemError, with nothing changed. */
export function reserveAtNextBoot(host: Host, settings: Settings, asked: string | undefined): Reserved {
  const loader = findBootLoader(host);
  const { value, why } = chooseCrashkernel({
    asked,
    configured: loader?.configured(host),
    reservation: hostReservation(host, settings),
    memoryBytes: memoryUse(host).totalBytes,
  });
  if (!loader) throw noBootLoader(value);
  const changed = setCrashkernel(host, loader, value);
  return { loader: loader.name, value, why: changed ? why : 'already set' };
}
