/** The distribution of a machine: os-release(5). */
import type { Host } from '../host/host.ts';

/** ID and ID_LIKE, with a space between; empty where the machine does not say. */
export function distributionOf(host: Host): string {
  const text = host.read('/etc/os-release') ?? host.read('/usr/lib/os-release') ?? '';
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1] ?? '';
  return `${value('ID')} ${value('ID_LIKE')}`.trim();
}
