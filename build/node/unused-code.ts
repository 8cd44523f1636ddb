/**
 * Takes code out of a Node binary that no capture calls: of the parts of Node that the capture program does not use, the functions
 * that nothing was seen to touch (page-profile.ts). It is a third of the packed image. Where such a function is called after all,
 * the capture starts again with the whole Node, which is on the disk (door.ts, initrd/again.sh).
 */
import { DOOR_BYTES, doorAt, fillWithSlides, hasEntry, LEAST_FUNCTION_BYTES } from './door.ts';
import type { NodeCode, NodeFunction } from './functions.ts';
import type { PageRun } from './page-profile.ts';
import { unknownForm } from './unknown-form.ts';

/** A part of Node, by what the mangled names of its functions have. */
interface Part {
  readonly names: RegExp;
  /** Names of functions that stay. */
  readonly except?: RegExp;
}

/**
 * Not among them: V8's heap, interpreter, runtime and builtins, Maglev, libuv, Node's own files and processes, the standard
 * library. Of these, any function may be the next one. What runs when threads meet stays (Abseil's locks). And what
 * chooses its code by the CPU stays with all choices: text (simdutf), digests, and the compressors, of which a level has its own code, too.
 */
const UNUSED_PARTS: readonly Part[] = [
  // V8's large optimizing compiler. Maglev takes its description of objects from there.
  {
    names: /^_Z.*(?:8compiler|9turboshaft)/,
    except:
      /6maglev|8compiler\d+[A-Z]\w*?(?:Ref|Broker|Data|AccessInfo|Dependenc|Feedback|BytecodeAnaly|Liveness)/,
  },
  // WebAssembly, without what V8 asks on its own, the debugger's protocol, the disassembler, dates of Temporal.
  {
    names: /^_Z.*(?:4wasm|Liftoff|4wasi|6disasm|12v8_inspector|8v8_crdtp|5crdtp|[Tt]emporal)/,
    except: /4wasm.*(?:Engine|CodeManager|NativeModule|PointerTable|TypeCanonicalizer)/,
  },
  // ICU but for letters, simdjson, patterns of URLs.
  { names: /^_Z.*(?:6icu_\d\d|8simdjson|11url_pattern)/ },
  // Networks, encryption, data bases, archives, in C++ and in C.
  {
    names: /^_Z.*(?:6crypto|8ncrypto|4quic|5http2|6sqlite|5cares|10cares_wrap|3tls)/,
    except: /6crypto.*4Hash/,
  },
  {
    names: /^(?!_Z)/,
    except:
      /^(?:Builtins_|_*uv_|_*sha\d|SHA\d|ossl_sha|OPENSSL_|EVP_(?:MD|Digest)|evp_(?:md|digest)|ZSTD|HUF|FSE|HIST|XXH|POOL|ERR_|Cr_z_)|deflate|inflate|adler|crc32|zlib|longest_match|fill_window|_tr_|_tree$|compress_block|slide_hash|cpu_|^(?:ucase|ustrcase|u_|utf8_|uprv|uchar|utrie|ucptrie)/,
  },
];

/** What decides about what is cut, for whoever asks whether an image was made with the same. */
export const UNUSED_CODE: readonly string[] = UNUSED_PARTS.flatMap(({ names, except }) => [
  names.source,
  except?.source ?? '',
]);

/** Between two functions, so that the next one begins where it is to. */
const MOST_PADDING_BYTES = 15;

interface Run {
  readonly start: number;
  readonly end: number;
}

/**
 * @param node is changed: the functions are slides. @param touched pages of the file
 * @returns how many bytes of code are out. @throws Failure for a binary in which there is no room for the door.
 */
export function cutUnusedCode(
  node: Buffer,
  { functions, addressOf }: NodeCode,
  touched: readonly PageRun[],
  pageBytes: number,
): number {
  const entries = new Set(functions.map(({ at }) => at));
  const isEntry = (offset: number) => entries.has(offset);
  const pages = new Set(touched.flatMap(({ firstPage, pages }) => range(firstPage, firstPage + pages)));
  const isTouched = ({ at, bytes }: NodeFunction) =>
    range(Math.floor(at / pageBytes), Math.ceil((at + bytes) / pageBytes)).some(page => pages.has(page));
  const takesJump = ({ at, bytes }: NodeFunction) =>
    bytes >= LEAST_FUNCTION_BYTES && !hasEntry(at + bytes - LEAST_FUNCTION_BYTES, isEntry);
  const takesDoor = ({ at, bytes }: NodeFunction) =>
    bytes >= DOOR_BYTES && !range(at + 1, at + DOOR_BYTES).some(isEntry);
  const unused = functions.filter(one => isOfUnusedPart(one) && takesJump(one) && !isTouched(one));
  const cut = withoutOverlaps(unused, functions);
  const home = cut.find(takesDoor);
  if (!home) throw noRoom();
  const door = addressOf(home.at);
  const runs = runsOf(cut, isEntry);
  for (const run of runs) fillWithSlides(node, run, { door, pageBytes, isEntry });
  node.set(doorAt(door), home.at);
  return runs.reduce((sum, { start, end }) => sum + end - start, 0);
}

function isOfUnusedPart({ name }: NodeFunction): boolean {
  return UNUSED_PARTS.some(({ names, except }) => names.test(name) && !except?.test(name));
}

/** Those of the unused functions that have no byte in common with another one that stays. */
function withoutOverlaps(
  unused: readonly NodeFunction[],
  functions: readonly NodeFunction[],
): readonly NodeFunction[] {
  const end = functions.reduce((most, { at, bytes }) => Math.max(most, at + bytes), 0);
  const cut = new Set(unused);
  const stays = new Uint8Array(end);
  for (const one of functions) if (!cut.has(one)) stays.fill(1, one.at, one.at + one.bytes);
  for (let before = -1; before !== cut.size; ) {
    before = cut.size;
    for (const one of cut) {
      const { at, bytes } = one;
      if (!stays.subarray(at, at + bytes).includes(1)) continue;
      cut.delete(one);
      stays.fill(1, at, at + bytes);
    }
  }
  return [...cut];
}

/** @param functions in the order of the file. @param isEntry of these, and of those that stay. */
function runsOf(functions: readonly NodeFunction[], isEntry: (offset: number) => boolean): Run[] {
  const runs: { start: number; end: number }[] = [];
  for (const { at, bytes } of functions) {
    const run = runs.at(-1);
    const isNext = run && at <= run.end + MOST_PADDING_BYTES && !range(run.end, at).some(isEntry);
    if (isNext) run.end = Math.max(run.end, at + bytes);
    else runs.push({ start: at, end: at + bytes });
  }
  return runs;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

function noRoom() {
  return unknownForm('NODE_CODE', {
    action: 'leave unused code out of the runtime image',
    actual: 'no function of those parts of Node is large enough for what stands in for it',
    file: 'unused-code.ts',
  });
}
