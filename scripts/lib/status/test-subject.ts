/** What a test crash proves: this kernel, with this image, config, command line and reservation. */
import { createHash } from 'node:crypto';
import type { Facts } from '../arming/facts.ts';

/** What each part was at the test, as text that is equal if the part is the same. */
export type TestSubject = Readonly<Record<SubjectPart, string>>;

/** The parts, as a sentence names them. */
const PARTS = {
  kernel: 'the kernel',
  image: 'the initrd',
  config: 'the config',
  commandLine: 'the crash kernel’s command line',
  reservation: 'the reserved memory',
} as const;
export type SubjectPart = keyof typeof PARTS;

export function subjectOf(facts: Facts): TestSubject {
  const { host, kver, loaded, imageSha256, settings, crashCommandLine, reserved } = facts;
  return {
    // With its build, because a distribution may rebuild a kernel under the same release.
    kernel: host.read('/proc/version')?.trim() ?? kver,
    // What is loaded counts: that is what captures.
    image: loaded?.imageSha256 ?? imageSha256 ?? '',
    config: createHash('sha256').update(JSON.stringify(settings)).digest('hex'),
    commandLine: loaded?.commandLine ?? crashCommandLine.text,
    reservation: [reserved.bytes, reserved.cmaBytes].filter(bytes => bytes > 0).join(' + '),
  };
}

/** The names of the parts that are not what they were at the test. */
export function changedParts(tested: TestSubject, now: TestSubject): string[] {
  return Object.entries(PARTS)
    .filter(([part]) => tested[part as SubjectPart] !== now[part as SubjectPart])
    .map(([, name]) => name);
}
