/** Types of a dump without BTF: every look-up says why there are none. */
import { AutopsyError } from '../../errors.ts';
import type { Types } from '../kernel.ts';

/** @param why the error that ended the search for BTF. */
export function noTypes(why: unknown): Types {
  const refuse = (): never => {
    throw new AutopsyError(
      'NO_TYPES',
      {
        action: 'look up a type of the crashed kernel',
        actual: 'its types (BTF) cannot be read',
        wanted: 'CONFIG_DEBUG_INFO_BTF=y, and a dump that holds the data of the kernel',
      },
      {},
      { cause: why },
    );
  };
  return {
    offset: refuse,
    field: refuse,
    size: refuse,
    enumValue: refuse,
    enumerators: refuse,
    members: refuse,
    has: () => false,
  };
}
