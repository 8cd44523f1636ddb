/**
 * Takes V8's code caches out of a Node binary: what it has compiled of Node's own modules, 3.2 MB, of which a capture uses
 * nothing that is not in Node's snapshot as well. A cache of zeros is one of another V8 to V8, which then compiles the source
 * (V8 src/snapshot/code-serializer.cc, SerializedCodeData::SanityCheck), as the host command does without its own cache.
 */
import { unknownForm } from './unknown-form.ts';

/** The upper half of a cache's first word; the lower half and the next word are the same in all caches of one V8. */
const MAGIC = Buffer.from([0xde, 0xc0]);
const KEY_BYTES = 8;
/** Words: magic number, hash of V8's version, of the source, of the flags, of the read-only snapshot, bytes of the payload. */
const PAYLOAD_BYTES_AT = 20;
const HEADER_BYTES = 32;
/** Node 24 has 388 modules, and the largest cache has 63 kB. */
const LEAST_CACHES = 100;
const MOST_PAYLOAD_BYTES = 1 << 20;

/** @returns how many bytes are zeros now. @throws Failure for a binary of another form. */
export function cutCodeCaches(node: Buffer): number {
  const places = cachesOf(node);
  const payloadBytes = places.map(at => node.readUInt32LE(at + PAYLOAD_BYTES_AT));
  const isSound = payloadBytes.every(
    (bytes, index) =>
      bytes <= MOST_PAYLOAD_BYTES &&
      places[index]! + HEADER_BYTES + bytes <= (places[index + 1] ?? node.length),
  );
  if (places.length < LEAST_CACHES || !isSound) throw unknown(places.length);
  for (const [index, at] of places.entries()) node.fill(0, at, at + HEADER_BYTES + payloadBytes[index]!);
  return payloadBytes.reduce((sum, bytes) => sum + HEADER_BYTES + bytes, 0);
}

/** Offsets of the first words that most places with the magic number have in common: code may hold the number, too. */
function cachesOf(node: Buffer): readonly number[] {
  const byKey = new Map<string, number[]>();
  for (let found = node.indexOf(MAGIC); found >= 0; found = node.indexOf(MAGIC, found + 1)) {
    const at = found - MAGIC.length;
    if (at % 4 !== 0 || at + HEADER_BYTES > node.length) continue;
    const key = node.toString('latin1', at, at + KEY_BYTES);
    const places = byKey.get(key);
    if (places) places.push(at);
    else byKey.set(key, [at]);
  }
  return [...byKey.values()].reduce((most, places) => (places.length > most.length ? places : most), []);
}

function unknown(count: number) {
  return unknownForm('CODE_CACHES', {
    action: 'leave V8’s code caches out of the runtime image',
    actual: `there are ${count} places that look like one`,
    wanted: 'code caches in the form of Node 24',
    file: 'code-caches.ts',
  });
}
