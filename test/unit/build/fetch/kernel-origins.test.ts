import { expect, it } from 'vitest';
import {
  isOfSeries,
  isPartOfKernel,
  releaseOfImage,
  type Series,
} from '../../../../build/fetch/kernel-origins.ts';
import { architectureOf } from '../../../../build/fetch/kernels.ts';

it.each([
  ['linux-image-6.1.0-56-cloud-amd64', '6.1.0-56-cloud-amd64'],
  ['linux-image-6.12.117+deb13-amd64', '6.12.117+deb13-amd64'],
  ['linux-image-7.2.13+deb14-cloud-amd64', '7.2.13+deb14-cloud-amd64'],
  ['linux-image-cloud-amd64', undefined],
  ['linux-image-6.12-cloud-amd64', undefined],
  ['linux-base-7.2.13+deb14-cloud-amd64', undefined],
])('the release in %s', (name, release) => {
  expect(releaseOfImage(name)).toBe(release);
});

it.each<[string, Series, boolean]>([
  ['6.1.0-56-cloud-amd64', '6.1', true],
  ['6.12.117+deb13-amd64', '6.12', true],
  ['6.12.117+deb13-amd64', '6.1', false],
  ['5.10.0-46-amd64', '5.10', true],
  ['7.2.13+deb14-amd64', '7.x', true],
  ['8.0.1-amd64', '7.x', false],
])('%s of %s: %s', (release, series, expected) => {
  expect(isOfSeries(release, series)).toBe(expected);
});

it('takes the parts of a split kernel and nothing else that it depends on', () => {
  const release = '7.2.13+deb14-cloud-amd64';
  const names = [
    `linux-base-${release}`,
    `linux-binary-${release}`,
    `linux-modules-${release}`,
    'linux-base',
    'kmod',
  ];
  expect(names.filter(name => isPartOfKernel(name, release))).toEqual(names.slice(0, 3));
  expect(isPartOfKernel('linux-modules-7.2.12+deb14-cloud-amd64', release)).toBe(false);
});

it.each([
  ['6.12.117+deb12-cloud-arm64', 'arm64'],
  ['6.12.117+deb12-arm64-16k', 'arm64'],
  ['6.1.0-56-amd64', 'amd64'],
])('%s is of %s', (release, architecture) => {
  expect(architectureOf({ release })).toBe(architecture);
});
