/** Debian's Chromium without a window, from a tree of its own. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';

export interface Browser {
  /** The page's document after its scripts have run. */
  domOf(html: string): string;
  /** PNG. @param flags of Chromium */
  screenshot(html: string, widthPx: number, heightPx: number, flags?: readonly string[]): Buffer;
  /** As printed, with backgrounds. @param flags of Chromium */
  pdf(html: string, flags?: readonly string[]): Buffer;
  close(): void;
}

/** One process, which would otherwise start itself again without the tree's loader; root has no sandbox. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--no-zygote',
  '--single-process',
  '--disable-gpu',
  '--hide-scrollbars',
];
const TIMEOUT_MS = 120_000;

export async function openBrowser(): Promise<Browser> {
  const { argv } = await fetchTool(openCache(), 'chromium');
  const [loader, , libraries, program] = argv as readonly [string, string, string, string];
  const dir = mkdtempSync(join(tmpdir(), 'kdumpling-browser-'));
  // It looks for its data beside /proc/self/exe, which is the loader.
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (const name of readdirSync(dirname(program)))
    symlinkSync(join(dirname(program), name), join(tree, name));
  copyFileSync(loader, join(tree, 'loader'));
  const run = (html: string, ...flags: string[]): string => {
    const page = join(dir, 'page.html');
    writeFileSync(page, html);
    const args = [
      '--library-path',
      libraries,
      join(tree, basename(program)),
      ...FLAGS,
      ...flags,
      `file://${page}`,
    ];
    const { status, stdout, stderr } = spawnSync(join(tree, 'loader'), args, {
      cwd: dir,
      env: { PATH: '/usr/bin:/bin', HOME: dir },
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: 64 << 20,
    });
    if (status !== 0) throw new Error(`Chromium ended with ${status}: ${stderr.slice(-2000)}`);
    return stdout;
  };
  return {
    domOf: html => run(html, '--dump-dom'),
    screenshot: (html, widthPx, heightPx, flags = []) => {
      const image = join(dir, 'page.png');
      rmSync(image, { force: true });
      run(html, ...flags, `--window-size=${widthPx},${heightPx}`, `--screenshot=${image}`);
      return readFileSync(image);
    },
    pdf: (html, flags = []) => {
      const file = join(dir, 'page.pdf');
      rmSync(file, { force: true });
      run(html, ...flags, '--no-pdf-header-footer', `--print-to-pdf=${file}`);
      return readFileSync(file);
    },
    close: () => rmSync(dir, { recursive: true }),
  };
}
