/** A lab fault: statfs(2) reports the whole target as free. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { runAsInit } from '../../../capture/pid1.ts';

const { statfsSync } = fs;
fs.statfsSync = ((path: string) => {
  const stat = statfsSync(path);
  return Object.assign(stat, { bfree: stat.blocks, bavail: stat.blocks });
}) as typeof statfsSync;
syncBuiltinESMExports();

runAsInit();
