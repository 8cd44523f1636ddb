/** Damage in a dump that is dumped again: what its head and its descriptors show before any page is decompressed. */
import type { PageCodecs } from '../../../capture/codecs/codec.ts';
import { headDamage } from '../../../capture/kdump/check/head.ts';
import { checkPages } from '../../../capture/kdump/check/pages.ts';
import type { KdumpFile } from '../../../capture/kdump/read/file.ts';
import { finish } from '../../../capture/kdump/steps.ts';

const MOST_TEXTS = 3;

export interface InputDamage {
  /** The first few findings. */
  readonly texts: readonly string[];
  readonly count: number;
}

export const NO_DAMAGE: InputDamage = { texts: [], count: 0 };
/** What its head and its descriptors lack follows from it. */
export const CUT_STREAM: InputDamage = {
  texts: ['the flattened stream does not end with its end mark'],
  count: 1,
};

/** The first few, and how many more there are. */
export function listed({ texts, count }: InputDamage): string {
  const more = count - texts.length;
  return `${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** @throws SystemError when the file cannot be read. */
export function inputDamage(file: KdumpFile, codecs: PageCodecs): InputDamage {
  const texts: string[] = [];
  let count = 0;
  const add = (text: string) => {
    count++;
    if (texts.length < MOST_TEXTS) texts.push(text);
  };
  for (const { kind, text } of headDamage(file, codecs.flags)) if (kind === 'damage') add(text);
  const onDamage = (_: string, text: string, pfn?: number) =>
    add(pfn === undefined ? text : `page ${pfn}: ${text}`);
  finish(checkPages(file, undefined, { onDamage }));
  return { texts, count };
}
