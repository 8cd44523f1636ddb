/** The page's look: one column with its headings in the margin, made for a screen, a phone and paper, by day and by night. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbf9f4; --wash: #f2eee5; --ink: #1d1b18; --soft: #6a655d; --rule: #dad4c8;
  --alarm: #ad2a1a; --alarm-wash: #f9e9e4; --link: #2c4a7d;
  --kernel: #2f5083; --cache: #4f9179; --user: #d59c3c; --free: #e2dccf; --poisoned: #ad2a1a;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, Charter, "Bitstream Charter", "Source Serif 4", Georgia, serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161513; --wash: #201e1b; --ink: #e9e4d9; --soft: #a29b8f; --rule: #38342f;
    --alarm: #ff8672; --alarm-wash: #35201b; --link: #9dbdf2;
    --kernel: #7da2de; --cache: #6dbb9d; --user: #e3b45f; --free: #3a3630; --poisoned: #ff8672;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: clamp(1.1rem, 3.5vw, 3.5rem) clamp(1.1rem, 4vw, 4rem) 4rem; max-width: 80rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 var(--sans); overflow-wrap: anywhere;
}
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .18em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 2px; }
code, .stack, .log, .mono { font-family: var(--mono); font-size: .86em; font-variant-ligatures: none; tab-size: 8; }
p, ul, ol, dl, figure, h1, h2, h3, table { margin: 0; }

.mast { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 2rem;
  padding-bottom: .7rem; border-bottom: 3px solid var(--ink); font-size: .85rem; }
.mast b { letter-spacing: .01em; }
.mast span { color: var(--soft); }
h1 { margin: clamp(1.4rem, 4vw, 2.9rem) 0 0; max-width: 24em; font: 400 clamp(1.75rem, 1.1rem + 2.9vw, 3.3rem)/1.12 var(--serif);
  letter-spacing: -.018em; text-wrap: balance; }
h1 code { font-size: .8em; letter-spacing: -.03em; color: var(--alarm); }
.lede { margin-top: 1.2rem; max-width: 42em; font: 1.17rem/1.55 var(--serif); text-wrap: pretty; hanging-punctuation: first; }
.lede code { font-size: .84em; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 0 2rem; margin-top: 2rem; }
.facts div { padding: .55rem 0 .75rem; border-top: 1px solid var(--rule); }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-size: .93rem; line-height: 1.42; }
nav { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; margin: 1.2rem 0 0; padding: .8rem 0; border-top: 1px solid var(--rule); font-size: .92rem; }
nav a { white-space: nowrap; }

section { display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); gap: 1rem 2.5rem; padding: 1.3rem 0 3rem; border-top: 1px solid var(--ink); }
section > header { position: sticky; top: 1rem; align-self: start; }
h2 { font: 400 1.42rem/1.2 var(--serif); letter-spacing: -.008em; }
section > header p { margin-top: .45rem; color: var(--soft); font-size: .87rem; line-height: 1.42; }
h3 { margin: 1.7rem 0 .5rem; font: 600 .95rem/1.3 var(--sans); }
h3:first-child { margin-top: 0; }
.missing { max-width: 42em; padding: .65rem .9rem; background: var(--wash); border-left: 3px solid var(--rule); color: var(--soft); font-size: .93rem; }
.soft { color: var(--soft); }
.note { max-width: 44em; margin-top: .7rem; color: var(--soft); font-size: .9rem; }

.stack { list-style: none; padding: 0; line-height: 1.5; }
.stack + details { margin-top: 1.2rem; }
.stack li { display: grid; grid-template-columns: 2.6rem minmax(0, 1fr); padding: .06rem 0; }
.stack li > i { color: var(--soft); font-style: normal; text-align: right; padding-right: 1rem; opacity: .75; user-select: none; }
.stack small { color: var(--soft); font-size: .92em; }
.stack .dim { color: var(--soft); }
.stack .hit { background: var(--alarm-wash); box-shadow: -4px 0 var(--alarm); font-weight: 650; }
.stack .hit small { font-weight: 400; }
.stack .turn { display: block; margin: .45rem 0 .35rem; padding-left: 2.6rem; color: var(--soft); font: .82rem/1.4 var(--sans); }
.stack .turn::before { content: ""; display: inline-block; width: 1.6rem; margin-right: .6rem; vertical-align: .3em; border-top: 1px solid var(--rule); }
.tag { display: inline-block; padding: 0 .38em; border: 1px solid var(--rule); border-radius: 3px; color: var(--soft); font: .8rem/1.35 var(--sans); white-space: nowrap; }
.tag.alarm { border-color: var(--alarm); color: var(--alarm); }

.registers { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .1rem 1.5rem; margin: 0; }
.registers div { display: flex; gap: .7rem; }
.registers dt { min-width: 3.3rem; color: var(--soft); }
.registers dd { margin: 0; }
.code { display: block; padding: .7rem .9rem; background: var(--wash); white-space: pre-wrap; }

details { border-top: 1px solid var(--rule); }
details:last-of-type { border-bottom: 1px solid var(--rule); }
summary { display: grid; grid-template-columns: 1.3rem minmax(0, 1fr); padding: .5rem 0; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "+"; color: var(--soft); font-family: var(--mono); }
details[open] > summary::before { content: "\\2212"; }
summary:hover { background: var(--wash); }
details > :not(summary) { margin: 0 0 1rem 1.3rem; }
.row { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .8rem; min-width: 0; }
.row b { font-weight: 620; }
.row .n { min-width: 3.4rem; font-variant-numeric: tabular-nums; }
.row .path { flex: 1 1 18rem; min-width: 0; color: var(--soft); }
.who { columns: 15rem; column-gap: 1.5rem; padding: 0; list-style: none; font-size: .9rem; }
.who b { display: inline-block; min-width: 3.8rem; font-weight: 400; color: var(--soft); font-variant-numeric: tabular-nums; }

.scroll { overflow-x: auto; }
svg { display: block; max-width: none; }
svg text { fill: var(--ink); font: 13px var(--mono); }
svg .sub { fill: var(--soft); font: 12.5px var(--sans); }
svg .bad { fill: var(--alarm); }
svg .line { fill: none; stroke: var(--soft); stroke-width: 1.25; }
svg .line.loop { stroke: var(--alarm); stroke-width: 2; }
svg .box { fill: var(--wash); stroke: var(--rule); }
svg .box.root { stroke: var(--ink); }
svg .box.loop { stroke: var(--alarm); fill: var(--alarm-wash); }
.kernel { fill: var(--kernel); } .cache { fill: var(--cache); } .user { fill: var(--user); }
.free { fill: var(--free); } .poisoned { fill: var(--poisoned); } .held { fill: var(--ink); }

.range { margin-top: 1.1rem; }
.range figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.2rem; margin-bottom: .25rem; font-size: .85rem; color: var(--soft); }
.range .strip { height: 2.6rem; background: var(--wash); }
.range .kept { height: .8rem; margin-top: 2px; background: var(--wash); }
.key { display: inline-block; width: .85em; height: .85em; vertical-align: -.07em; margin-right: .5em; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; color: var(--soft); font-size: .8rem; }
th, td { padding: .36rem 1rem .36rem 0; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th.r, td.r { text-align: right; }
td.bar { width: 24%; padding-right: 0; vertical-align: middle; }
td.bar svg { width: 100%; height: .7rem; background: var(--wash); }
.sums { columns: 15rem; column-gap: 2.5rem; margin: 0; font-size: .93rem; font-variant-numeric: tabular-nums; }
.sums div { display: flex; justify-content: space-between; padding: .22rem 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
.sums dd { margin: 0; }
.mods { columns: 13rem; column-gap: 1.6rem; padding: 0; list-style: none; font-size: .9rem; }
.mods li { break-inside: avoid; }

.log { list-style: none; padding: 0; line-height: 1.45; }
.log li { display: grid; grid-template-columns: 8.2rem minmax(0, 1fr); white-space: pre-wrap; }
.log li > span:first-child { color: var(--soft); }
.log .hit { background: var(--alarm-wash); box-shadow: -4px 0 var(--alarm); font-weight: 650; }
.log .mark { display: block; margin: .8rem 0 .2rem; color: var(--alarm); font: 600 .82rem/1.3 var(--sans); }
.steps { padding: 0; list-style: none; counter-reset: step; }
.steps li { display: grid; grid-template-columns: 2rem minmax(0, 1fr); padding: .6rem 0; border-top: 1px solid var(--rule); counter-increment: step; }
.steps li::before { content: counter(step); color: var(--soft); font-family: var(--serif); }
.steps code { display: block; white-space: pre-wrap; user-select: all; }
.plain { padding-left: 1.1rem; max-width: 46em; }
.plain li { margin: .2rem 0; }
footer { border-top: 3px solid var(--ink); padding-top: .7rem; color: var(--soft); font-size: .85rem; }

@media (max-width: 50rem) {
  section { grid-template-columns: minmax(0, 1fr); padding-bottom: 2.2rem; }
  section > header { position: static; }
  .lede { font-size: 1.09rem; }
  .facts { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0 1.2rem; }
  .stack li { grid-template-columns: 2.1rem minmax(0, 1fr); }
  .stack li > i { padding-right: .7rem; }
  .log li { display: block; }
  .log li > span:first-child { margin-right: .8em; font-size: .85em; }
  td.bar { display: none; }
  details > :not(summary) { margin-left: 0; }
}
@media print {
  :root { --paper: #fff; --wash: #f4f4f4; --ink: #000; --soft: #555; --rule: #ccc; --link: #000; --alarm: #9a1b0c; --alarm-wash: #f6e9e6;
    --kernel: #2f5083; --cache: #4f9179; --user: #d59c3c; --free: #e2dccf; --poisoned: #ad2a1a; }
  @page { margin: 16mm 15mm; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav { display: none; }
  section { grid-template-columns: 30mm minmax(0, 1fr); gap: 0 6mm; padding-bottom: 6mm; }
  section > header { position: static; }
  .scroll { overflow: visible; }
  .scroll svg { max-width: 100%; height: auto; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  details > summary::before { content: ""; }
  li, tr, figure, summary { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  svg, .key, .hit { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
