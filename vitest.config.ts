import { defineConfig } from 'vitest/config';

const MINUTE_MS = 60_000;

export default defineConfig({
  test: {
    projects: [
      // Long for what takes milliseconds: on a machine that is busy with guests they wait for a CPU.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: MINUTE_MS,
          hookTimeout: MINUTE_MS,
        },
      },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 5 * MINUTE_MS,
          hookTimeout: 10 * MINUTE_MS,
        },
      },
      {
        test: {
          // A real server, and bad lines to it.
          name: 'sharing',
          include: ['test/sharing/**/*.test.ts'],
          testTimeout: MINUTE_MS,
          hookTimeout: 5 * MINUTE_MS,
        },
      },
      {
        test: {
          // Tools of other systems.
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          testTimeout: MINUTE_MS,
          hookTimeout: 5 * MINUTE_MS,
        },
      },
      {
        test: {
          // Real machines that crash take their time.
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          testTimeout: 15 * MINUTE_MS,
          hookTimeout: 30 * MINUTE_MS,
        },
      },
    ],
  },
});
