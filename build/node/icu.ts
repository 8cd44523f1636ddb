/**
 * Cuts ICU's data in a Node binary down to English: a third of the binary is locales, alphabets and dictionaries that no
 * capture needs. What is left out is zeros, in a file of the same length, which compress to nothing.
 *
 * The data are a table of contents and items (ICU source/common/ucmndata.h, udata.h): a header of its own size, then a count
 * and so many pairs of offsets, of a name and of an item, both from the count on; items are in the order of their names.
 * Where an item is missing, some calls of JavaScript throw and others end the process: therefore all of English stays, which
 * is 1 MB in the image, and every call of Intl works in English.
 */
import { unknownForm } from './unknown-form.ts';

/** Names of items that stay, without the name of their package, like `icudt78l/`. */
export const KEPT_ICU_ITEMS = new RegExp(
  `^(?:${[
    '(?:(?:brkitr|coll|curr|lang|region|unit|zone)/)?(?:root|en|en_001|en_US|pool|res_index)\\.res',
    // Tables that are not of one language: calendars, plurals, numbers, time zones.
    '(?:supplementalData|likelySubtags|langInfo|numberingSystems|keyTypeData|currencyNumericCodes|units|plurals|pluralRanges)\\.res',
    '(?:dayPeriods|genderList|grammaticalFeatures|zoneinfo64|timezoneTypes|metaZones|windowsZones)\\.res',
    // Normalization, properties of characters, names of encodings, boundaries of words, order of letters.
    '[^/]+\\.nrm|(?:uemoji|ulayout|cnvalias)\\.icu|brkitr/[^/]+\\.brk|coll/ucadata\\.icu',
  ].join('|')})$`,
);

const MAGIC = Buffer.from([0xda, 0x27]);
/** `dataFormat` of a table of contents. */
const FORMAT = Buffer.from('CmnD');
const FORMAT_AT = 12;
const MAGIC_AT = 2;
/** Node's data have 4305 items. */
const MOST_ITEMS = 1 << 16;

/**
 * @returns how many bytes are zeros now.
 * @throws Failure for a binary without the data, or with data of another form.
 */
export function cutIcuData(node: Buffer): number {
  const start = findData(node);
  const table = start + node.readUInt16LE(start);
  const count = node.readUInt32LE(table);
  if (count < 2 || count > MOST_ITEMS) throw unknown(`${count} items`);
  const items = Array.from({ length: count }, (_, index) => {
    const entry = table + 4 + 8 * index;
    const nameAt = table + node.readUInt32LE(entry);
    const name = node.toString('latin1', nameAt, node.indexOf(0, nameAt));
    return { name: name.slice(name.indexOf('/') + 1), at: table + node.readUInt32LE(entry + 4) };
  });
  if (!items.some(({ name }) => name === 'root.res')) throw unknown('no item root.res');
  let cutBytes = 0;
  // Nothing says where the last item ends. It is a locale of 80 bytes, and stays.
  for (const [index, { name, at }] of items.slice(0, -1).entries()) {
    const end = items[index + 1]!.at;
    if (end < at || end > node.length) throw unknown(`the item ${name} ends at ${end}`);
    if (KEPT_ICU_ITEMS.test(name)) continue;
    node.fill(0, at, end);
    cutBytes += end - at;
  }
  return cutBytes;
}

function findData(node: Buffer): number {
  for (let at = node.indexOf(FORMAT); at >= 0; at = node.indexOf(FORMAT, at + 1)) {
    const start = at - FORMAT_AT;
    if (start >= 0 && node.subarray(start + MAGIC_AT, start + MAGIC_AT + MAGIC.length).equals(MAGIC))
      return start;
  }
  throw unknown('no table of contents');
}

function unknown(actual: string) {
  return unknownForm('ICU_DATA', {
    action: 'leave ICU’s data out of the runtime image',
    actual: `there is ${actual}`,
    wanted: 'ICU data in the form of ICU 78',
    file: 'icu.ts',
  });
}
