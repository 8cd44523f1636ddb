/** A target in a folder of this machine, whose disk fails as a test wants: the real directory with trouble in front of it. */
import { TargetError } from '../../capture/errors.ts';
import type { OpenTarget } from '../../capture/storage/open-target.ts';
import { createDumpDirectory } from '../../capture/storage/place/directory.ts';
import type { DumpFile, DumpPlace } from '../../capture/storage/place/place.ts';

/** What fails. Each function throws, or does nothing to let the real call happen. */
export interface Trouble {
  /** The target cannot be opened: no such disk, or it does not mount. */
  readonly open?: () => void;
  readonly createPlace?: () => void;
  /** @param name the file that is to be written at once. */
  readonly writeDurably?: (name: string) => void;
  readonly create?: () => void;
  /** Before a write of the dump that ends at this offset. */
  readonly write?: (endOffset: number) => void;
  /** Before the dump is read back. Returns whether a byte of it is to be read wrongly. */
  readonly readBack?: () => boolean;
  readonly rename?: () => void;
  /** After the rename. */
  readonly syncDirectory?: () => void;
  readonly setLength?: () => void;
  readonly discard?: () => void;
  readonly unmount?: () => void;
}

/** @param root the folder that is the target's file system. */
export function fakeTarget(root: string, device: string, trouble: Trouble = {}): OpenTarget {
  trouble.open?.();
  return {
    description: `${device}, mounted as ext4`,
    device,
    mountpoint: root,
    createPlace(path, stamp) {
      trouble.createPlace?.();
      return placeWith(createDumpDirectory(root, path, stamp), trouble);
    },
    close: () => trouble.unmount?.(),
  };
}

function placeWith(place: DumpPlace, trouble: Trouble): DumpPlace {
  return {
    ...place,
    writeDurably(name, text) {
      trouble.writeDurably?.(name);
      return place.writeDurably(name, text);
    },
    create(name) {
      trouble.create?.();
      return fileWith(place.create(name), trouble);
    },
  };
}

function fileWith(file: DumpFile, trouble: Trouble): DumpFile {
  return {
    ...file,
    sink: {
      writeAt(bytes, offset) {
        trouble.write?.(offset + bytes.length);
        file.sink.writeAt(bytes, offset);
      },
      sync: () => file.sink.sync(),
    },
    readBack() {
      const isDamaged = trouble.readBack?.();
      const source = file.readBack();
      if (!isDamaged) return source;
      return {
        ...source,
        window(offset, lengthBytes) {
          const bytes = Uint8Array.from(source.window(offset, lengthBytes));
          if (offset === 0) bytes[bytes.length - 1] ^= 0x10;
          return bytes;
        },
      };
    },
    commit() {
      trouble.rename?.();
      file.commit();
      trouble.syncDirectory?.();
    },
    setLength(sizeBytes) {
      trouble.setLength?.();
      file.setLength(sizeBytes);
    },
    discard() {
      trouble.discard?.();
      file.discard();
    },
  };
}

/** As Node and the file sink throw it. */
export function errno(code: string): TargetError {
  const cause = Object.assign(new Error(`${code}: refused by the test`), { code });
  return new TargetError(code, { action: 'write the dump', actual: cause.message }, {}, { cause });
}

/** Throws an error of that code, always or the first so many times. */
export function refuses(code: string, times = Number.POSITIVE_INFINITY): () => void {
  let left = times;
  return () => {
    if (left-- > 0) throw errno(code);
  };
}
