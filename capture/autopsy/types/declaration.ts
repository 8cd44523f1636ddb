/** A type of BTF as C writes it, inside out: `char comm[16]`, `void (*func)(struct callback_head *)`. */
import type { Btf } from './btf.ts';
import { type BtfType, KIND } from './btf-format.ts';

/** Types in one declaration. Those of a real kernel are fewer; damaged ones may refer to themselves. */
const MOST_TYPES = 128;

const PREFIXES: Readonly<Record<number, string>> = {
  [KIND.struct]: 'struct ',
  [KIND.union]: 'union ',
  [KIND.enum]: 'enum ',
  [KIND.enum64]: 'enum ',
};

const QUALIFIERS: Readonly<Record<number, string>> = {
  [KIND.const]: 'const',
  [KIND.volatile]: 'volatile',
  [KIND.restrict]: 'restrict',
};

/** @param declarator what is declared: a name, or nothing for the type alone. */
export function declaration(btf: Btf, id: number, declarator = ''): string {
  return declared(btf, id, declarator, { left: MOST_TYPES });
}

interface Budget {
  left: number;
}

function declared(btf: Btf, id: number, declarator: string, budget: Budget): string {
  const type = btf.type(id);
  const next = (inner: string) => declared(btf, type!.sizeOrType, inner, budget);
  if (--budget.left < 0) return joined('…', declarator);
  if (!type) return joined('void', declarator);
  switch (type.kind) {
    case KIND.pointer: {
      const target = btf.type(type.sizeOrType)?.kind;
      const isGrouped = target === KIND.array || target === KIND.prototype;
      return next(isGrouped ? `(*${declarator})` : `*${declarator}`);
    }
    case KIND.array: {
      const count = type.table.u32(type.body + 8);
      const element = type.table.u32(type.body);
      return declared(btf, element, `${declarator}[${count === 0 ? '' : count}]`, budget);
    }
    case KIND.prototype:
      return next(`${declarator}(${parameters(btf, type, budget)})`);
    case KIND.typeTag:
    case KIND.declTag:
      return next(declarator);
    case KIND.const:
    case KIND.volatile:
    case KIND.restrict: {
      const word = QUALIFIERS[type.kind]!;
      if (btf.type(type.sizeOrType)?.kind === KIND.pointer) return next(joined(word, declarator));
      return joined(word, next(declarator));
    }
    case KIND.forward:
      return joined(`${type.kind_flag ? 'union' : 'struct'} ${btf.string(type.nameOffset)}`, declarator);
    default:
      return joined(`${PREFIXES[type.kind] ?? ''}${btf.string(type.nameOffset) || '{…}'}`, declarator);
  }
}

function parameters(btf: Btf, { table, body, vlen }: BtfType, budget: Budget): string {
  const shown: string[] = [];
  for (let i = 0; i < vlen && budget.left > 0; i++) {
    const id = table.u32(body + 8 * i + 4);
    shown.push(id === 0 ? '...' : declared(btf, id, '', budget));
  }
  return shown.join(', ') || 'void';
}

function joined(word: string, rest: string): string {
  return rest === '' ? word : `${word} ${rest}`;
}
