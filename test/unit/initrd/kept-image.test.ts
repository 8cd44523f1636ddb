import { expect, test } from 'vitest';
import { keepsImage } from '../../../initrd/kept-image.ts';

test.each([
  ['5.10.0-32-cloud-amd64', false],
  ['6.1.0-56-amd64', false],
  ['6.7.12', false],
  ['6.8.0-51-generic', true],
  ['6.12.117+deb12-cloud-amd64', true],
  ['7.2.13+deb14-arm64', true],
  ['10.0.1', true],
  ['next', false],
])('the crash kernel %s reads the runtime from the image in place: %s', (kver, expected) => {
  expect(keepsImage(kver, 'self-contained')).toBe(expected);
  expect(keepsImage(kver, 'lean')).toBe(false);
});
