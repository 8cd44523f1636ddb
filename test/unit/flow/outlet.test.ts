/** Where a dump is written past the page cache, and that it is the same dump. */
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { openOutlet } from '../../../capture/flow/outlet.ts';
import { writesDirectly } from '../../../capture/options/file-systems.ts';
import { DirectWrites } from '../../../capture/storage/place/direct-writes.ts';
import { openFileSink } from '../../../capture/storage/place/file-sink.ts';
import type { DumpFile } from '../../../capture/storage/place/place.ts';
import type { Reservation } from '../../../capture/storage/place/reserve.ts';
import { run, vmcoreFile } from './fixture.ts';

const ffi = openFfi();
const libc = openLibc(ffi);
let directory: string;
/** By statfs(2) of the directory of these tests, which may be another one on another machine. */
let isDirectHere: boolean;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-outlet-'));
  isDirectHere = writesDirectly(statfsSync(directory).type);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Given {
  readonly path?: string;
  readonly hasFfi?: boolean;
  readonly refusal?: string;
  readonly reservation?: Reservation;
}

function isDirect({ path, hasFfi = true, refusal, reservation = 'reserved' }: Given): boolean {
  const fd = openSync(path ?? join(directory, 'dump'), path ? 'r+' : 'w+');
  try {
    const file = { fd, startOffset: 0, sink: openFileSink(fd, 'dump', { durable: false }) } as DumpFile;
    const memory = { refusal: () => refusal, grant: (wished: number) => wished };
    const { sink, close } = openOutlet(
      { ffi: hasFfi ? ffi : undefined, libc, memory },
      file,
      4096,
      reservation,
    );
    sink.writeAt(new Uint8Array(100), 4096);
    expect(sink.endOffset).toBe(sink instanceof DirectWrites ? 0 : 4196);
    close();
    expect(sink.endOffset).toBe(4196);
    return sink instanceof DirectWrites;
  } finally {
    closeSync(fd);
  }
}

test('a file on a disk, whose blocks are reserved', () => {
  expect(isDirect({})).toBe(isDirectHere);
});

describe('not', () => {
  test.each<[string, Given]>([
    ['without the FFI', { hasFfi: false }],
    ['where memory is short', { refusal: 'there are 3 MiB' }],
    ['where the room is not sure', { reservation: { unknown: 'errno 95' } }],
    ['where it was refused', { reservation: 'refused' }],
    ['to what is no file', { path: '/dev/null' }],
    ['in memory', { path: '/dev/shm' }],
  ])('%s', (_, given) => {
    if (given.path === '/dev/shm') {
      const path = `/dev/shm/kdumpling-outlet-${process.pid}`;
      closeSync(openSync(path, 'w'));
      try {
        expect(isDirect({ path })).toBe(false);
      } finally {
        rmSync(path);
      }
    } else expect(isDirect(given)).toBe(false);
  });
});

test('the dump is the same, and nothing of it has to be dropped from memory while it is made', () => {
  const capture = (isDirectly: boolean) => {
    let [dropped, hasWhole] = [0, false];
    const found = run({
      vmcore: vmcoreFile(6),
      ffi: isDirectly ? ffi : undefined,
      onDrop(range) {
        hasWhole ||= range === undefined;
        if (!hasWhole) dropped++;
      },
    });
    expect(found.outcome.saved).toBe(true);
    return { dump: found.manifests[0]!.dump!, dropped };
  };
  const [cached, direct] = [capture(false), capture(true)];
  expect(direct.dump).toEqual(cached.dump);
  expect(cached.dropped).toBeGreaterThan(0);
  if (isDirectHere) expect(direct.dropped).toBe(0);
});
