/** Text as HTML, and the frame of the lab's pages: no server, no script, no file beside them. */

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

/** Control characters, such as a console's colours, are left out. */
export function escapeHtml(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').replace(/[<>&"]/g, char => ENTITIES[char]!);
}

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<body>
${body}
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --passed: #2e7d32; --failed: #c62828; --lost: #6a4c93; --interrupted: #757575 }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 1.5rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #8884; font-weight: normal }
th { font-size: .85em; opacity: .8 }
td.verdict { padding: 0 }
td.verdict a { display: block; padding: .2rem .6rem; color: #fff; text-decoration: none; border-radius: 3px; margin: 1px }
.passed { background: var(--passed) } .failed { background: var(--failed) }
.lost { background: var(--lost) } .interrupted { background: var(--interrupted) }
.badge { color: #fff; text-decoration: none; border-radius: 3px; padding: .1rem .5rem }
.bar { display: flex; height: 1.1rem; min-width: 30rem }
.bar span { overflow: hidden; font-size: .7em; line-height: 1.1rem; color: #fff; padding-left: 2px; box-sizing: border-box }
pre { background: #8881; padding: .7rem; overflow-x: auto; font-size: 12px; line-height: 1.35 }
.ours { color: #1976d2; font-weight: 600 } .station { color: var(--passed); font-weight: 600 }
.crash { color: var(--failed); font-weight: 600 }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .4rem 0 1.5rem; padding: 0; font-size: .85em }
.legend span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .3em }
tr.broken td { background: #c6282822 }
td.why { overflow-wrap: anywhere }
.checks td:nth-child(2) { min-width: 14rem }
.checks td:nth-child(3) { overflow-wrap: anywhere }
`;
