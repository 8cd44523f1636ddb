/** A manifest as a capture writes it. */
import type { Manifest, ManifestDump } from '../../capture/storage/manifest.ts';

export function manifestDump(more: Partial<ManifestDump> = {}): ManifestDump {
  return {
    name: 'vmcore',
    format: 'kdump-compressed',
    bytes: 4,
    level: 31,
    codec: 'zstd',
    codecLevel: 2,
    pageSizeBytes: 4096,
    pages: { total: 9, dumped: 3, zero: 2, unreadable: 0 },
    digest: { algorithm: 'crc32', regions: [] },
    ...more,
  };
}

/** @param time ISO 8601; names the dump too. */
export function manifestOf(time: string, more: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    program: 'kdumpling 0.1.0',
    state: 'complete',
    stamp: { name: time.replace(/[-:]/g, ''), time, clock: 'vmcoreinfo', trusted: !time.startsWith('1970') },
    kernel: { release: '6.1.0' },
    crash: { reason: 'Kernel panic - not syncing: sysrq triggered crash' },
    dump: manifestDump(),
    files: [],
    seconds: { boot: 7.6 },
    warnings: [],
    ...more,
  };
}
