/** Memory of other shapes than the lab's usual one. `npm test -- --full` runs every geometry on every kernel. */
import { beforeAll, expect, test } from 'vitest';
import { GEOMETRIES } from '../../qemu/geometry/all.ts';
import { type Lab, withKernel } from '../../qemu/lab/lab.ts';
import { geometryOf } from '../../qemu/lab/options.ts';
import { type Cell, cellsFor } from './geometry-cells.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

const cells = cellsFor(process.env);

test('the cells name geometries that exist', () => {
  const names = GEOMETRIES.map(({ name }) => name);
  expect(cells.filter(({ geometry }) => !names.includes(geometry))).toEqual([]);
});

test.each(cells)('$geometry on $kernel.series-$kernel.flavour', async ({ geometry, kernel }: Cell) => {
  const choice = { ...lab.choice, geometry: geometryOf(geometry) };
  const verdict = await crashWithFault(await withKernel({ ...lab, choice }, kernel), 'none');
  expect(broken(verdict)).toEqual([]);
});
