/** A kernel that does nothing and remembers what it was asked, or refuses. */
import type { System } from '../../capture/init/system.ts';

export interface FakeSystem extends System {
  /** Every call, as `name argument`. */
  readonly calls: string[];
}

/** @param broken the calls that throw. */
export function fakeSystem(broken: readonly (keyof System)[] = []): FakeSystem {
  const calls: string[] = [];
  const call = (name: keyof System, ...details: string[]): void => {
    calls.push([name, ...details].join(' '));
    if (broken.includes(name)) throw new Error(`test: ${name} is broken`);
  };
  return {
    calls,
    mount: ({ source, target, options }) => call('mount', source, target, options.join()),
    umount: target => call('umount', target),
    loadModule: (path, parameters) => call('loadModule', path, ...parameters),
    preen(device) {
      call('preen', device);
      return ['clean'];
    },
    quietKernel: () => call('quietKernel'),
    readKernelLog() {
      call('readKernelLog');
      return [{ uptimeSeconds: 0.5, text: 'the crash kernel booted' }];
    },
    shutDown: action => call('shutDown', action),
  };
}
