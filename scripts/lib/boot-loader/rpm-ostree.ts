/** Fedora CoreOS and other ostree hosts: kernel arguments belong to the deployment and are changed by `rpm-ostree kargs`. */
import { type Host, mustRun } from '../host/host.ts';
import { type BootLoader, crashkernelOf, PARAMETER } from './boot-loader.ts';
import { valueBefore } from './edit.ts';

const RPM_OSTREE = 'rpm-ostree';

export const rpmOstree: BootLoader = {
  name: 'rpm-ostree kargs',
  detect: host => host.exists('/run/ostree-booted') && host.command(RPM_OSTREE) !== undefined,
  configured,
  plan: (host, value, before) => ({ value, ...valueBefore(before, configured(host)) }),
  apply(host, plan) {
    const { value } = plan;
    const now = configured(host);
    if (now === undefined) kargs(host, `--append-if-missing=${PARAMETER}=${value}`);
    else if (now !== value) kargs(host, `--replace=${PARAMETER}=${now}=${value}`);
    return plan;
  },
  undo(host, { value, valueBefore: old }) {
    if (old === undefined) kargs(host, `--delete-if-present=${PARAMETER}=${value}`);
    else if (configured(host) === value) kargs(host, `--replace=${PARAMETER}=${value}=${old}`);
  },
};

function kargs(host: Host, change: string): void {
  mustRun(host, host.command(RPM_OSTREE)!, 'kargs', change);
}

function configured(host: Host): string | undefined {
  return crashkernelOf(host.run(host.command(RPM_OSTREE)!, ['kargs']).stdout);
}
