/** Enumerators by name: a look-up of one of them alone goes through all enums of the kernel. */
import { AutopsyError } from '../errors.ts';
import type { Types } from './kernel.ts';

/**
 * The values of one enum. The function throws AutopsyError for a name that this kernel's enum does not have.
 * @throws AutopsyError when there is no such enum
 */
export function enumValues(types: Types, enumName: string): (name: string) => number {
  const values = new Map(types.enumerators(enumName).map(({ name, value }) => [name, Number(value)]));
  return name => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new AutopsyError('NO_ENUMERATOR', {
      action: `find the value of ${name}`,
      actual: `enum ${enumName} of this kernel does not have it`,
    });
  };
}
