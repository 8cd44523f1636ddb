/**
 * Fedora CoreOS and other ostree hosts: kernel arguments belong to the deployment and are changed by `rpm-ostree kargs`. It
 * replaces words in their place. A word too many is deleted and one too few appended, so that of several words that come back
 * the later ones stand at the end, which is the same to the kernel.
 */
import { type CrashkernelValues, crashkernelValues, PARAMETER } from '../crashkernel/words.ts';
import { type Host, mustRun } from '../host/host.ts';
import type { BootLoader } from './boot-loader.ts';
import { valuesBefore } from './edit.ts';

const RPM_OSTREE = 'rpm-ostree';

export const rpmOstree: BootLoader = {
  name: 'rpm-ostree kargs',
  detect: host => host.exists('/run/ostree-booted') && host.command(RPM_OSTREE) !== undefined,
  commandLines: host => [kargs(host)],
  plan: (host, values, before) => ({ values, ...valuesBefore(before, configured(host)) }),
  apply(host, plan) {
    replace(host, configured(host), plan.values);
    return plan;
  },
  undo(host, { values, valuesBefore: old }) {
    const there = configured(host);
    // Where somebody set other words since, only ours go.
    if (values.every(value => there.includes(value))) replace(host, values, old);
  },
};

function replace(host: Host, from: CrashkernelValues, to: CrashkernelValues): void {
  const changes = Array.from({ length: Math.max(from.length, to.length) }, (_, i) => {
    const [before, after] = [from[i], to[i]];
    if (before === after) return undefined;
    if (before === undefined) return `--append-if-missing=${PARAMETER}=${after}`;
    return after === undefined
      ? `--delete-if-present=${PARAMETER}=${before}`
      : `--replace=${PARAMETER}=${before}=${after}`;
  }).filter(change => change !== undefined);
  if (changes.length > 0) mustRun(host, host.command(RPM_OSTREE)!, 'kargs', ...changes);
}

function configured(host: Host): CrashkernelValues {
  return crashkernelValues(kargs(host));
}

function kargs(host: Host): string {
  return host.run(host.command(RPM_OSTREE)!, ['kargs']).stdout;
}
