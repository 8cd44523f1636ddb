/**
 * Modules of Node's own that a bundle loads when it first uses them, and not when it begins. An import of one becomes an
 * import of an object that has no members but finds each in its prototype, a proxy: esbuild gives what it makes of an
 * imported CommonJS module the same prototype (its helper __toESM), and test/unit/build/bundle.test.ts holds that it works.
 */
import type { Plugin } from 'esbuild';

const NAMESPACE = 'loaded-when-used';

/** @param modules like "crypto". */
export function lazyModules(modules: readonly string[]): Plugin {
  const specifiers = new Set(modules.map(module => `node:${module}`));
  return {
    name: NAMESPACE,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:/ }, ({ path, namespace }) => {
        if (!specifiers.has(path)) return undefined;
        return namespace === NAMESPACE ? { path, external: true } : { path, namespace: NAMESPACE };
      });
      onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: `
          const members = new Proxy({}, { get: (_, name) => require('${path}')[name] });
          // What __toESM itself asks for must not load the module.
          module.exports = Object.create(members, { __esModule: { value: false } });`,
      }));
    },
  };
}
