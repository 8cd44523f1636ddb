/** Dumps of each level, made here from a raw copy of the crash's /proc/vmcore, and the captured one: judged page by page. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import { runBounded } from '../judges/bounded-run.ts';
import { judgeContent } from '../judges/content.ts';
import { classifyPages, judgePages, type KernelPages } from '../judges/pages.ts';
import { RAW_COPY } from './asked-dump.ts';
import type { Check, Expectation, Judges } from './check.ts';
import { readManifest } from './manifest.ts';

/** None, each class of pages by itself, and all of them. */
const LEVELS = [0, 1, 2, 4, 8, 16, 31];
const DUMP_SECONDS = 600;

interface JudgedDump {
  readonly name: string;
  readonly dump: string;
  readonly level: number;
}

/** No needed page is lost and no droppable one kept, by the kernel's own types, and each page has the bytes of the vmcore. */
export const exactAtEveryLevel: Expectation = async ({ dumps, labFiles }, judges) => {
  const vmcore = join(labFiles, RAW_COPY);
  const [captured = ''] = dumps;
  const level = readManifest(captured)?.dump?.level;
  if (level === undefined || !existsSync(vmcore)) {
    const saw = level === undefined ? 'there is no dump' : 'there is no raw copy';
    return [{ what: 'dumps of every level can be judged', holds: false, saw }];
  }
  const drgn = await judges.tool('drgn');
  const pages = await classifyPages(drgn, { vmcore, vmlinux: await judges.vmlinux() });
  const checks = [
    await judgeDump(judges, pages, { name: 'the captured dump', dump: join(captured, 'vmcore'), level }),
  ];
  const scratch = await mkdtemp(join(tmpdir(), 'kdumpling-every-level-'));
  try {
    for (const asked of LEVELS) {
      const dump = join(scratch, `${asked}`);
      const program = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts')];
      const words = ['dump', '-z', '-d', `${asked}`, vmcore, dump];
      const { exitCode, stderr } = await runBounded([...program, ...words], { timeoutSeconds: DUMP_SECONDS });
      const name = `a dump of level ${asked}`;
      checks.push(
        exitCode === 0
          ? await judgeDump(judges, pages, { name, dump, level: asked })
          : { what: `${name} is made`, holds: false, saw: stderr.trim() || `exit code ${exitCode}` },
      );
      await rm(dump, { force: true });
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return checks;
};

async function judgeDump(
  { tool }: Judges,
  pages: KernelPages,
  { name, dump, level }: JudgedDump,
): Promise<Check> {
  const ofPages = await judgePages(await tool('drgn'), pages, { dump, level });
  const ofBytes = await judgeContent(await tool('libkdumpfile'), { dump, vmcore: pages.vmcore });
  const problems = [...ofPages.problems, ...ofBytes.problems];
  return {
    what: `${name} is exact: nothing needed is lost, nothing droppable kept, every page has the vmcore’s bytes`,
    holds: problems.length === 0 && ofPages.kept > 1000 && ofBytes.compared === ofPages.kept,
    saw: problems.join('; ') || `${ofPages.kept} pages kept, ${ofBytes.compared} with the same bytes`,
  };
}
