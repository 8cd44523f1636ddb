/** The results of `npm run scale` as an SVG: seconds and peak memory against the size of the crashed machine. */

export interface ChartPoint {
  readonly sizeGib: number;
  readonly value: number;
}

/** One line of a panel. */
export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
}

export interface ChartPanel {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** Drawn across: what must not be reached. */
  readonly limit?: { readonly name: string; readonly value: number };
}

const PANEL = { width: 420, height: 260, left: 56, right: 130, top: 44, bottom: 46 };
const COLOURS = ['#0b5fa5', '#c2571a', '#3d7a37', '#7a3d77'];
const TICKS = 4;

/** Panels one beside the other; sizes on a logarithmic axis, values on linear ones from 0. */
export function scaleChart(panels: readonly ChartPanel[]): string {
  const { width, height, left, right, top, bottom } = PANEL;
  const panelWidth = left + width + right;
  const whole = { width: panels.length * panelWidth, height: top + height + bottom };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.width} ${whole.height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(panels.map(({ title }) => title).join('; '))}</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...panels.flatMap((panel, index) => [
      `<g transform="translate(${index * panelWidth + left} ${top})">`,
      ...drawPanel(panel),
      '</g>',
    ]),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, series, limit }: ChartPanel): string[] {
  const { width, height } = PANEL;
  const points = series.flatMap(one => one.points);
  const sizes = [...new Set(points.map(({ sizeGib }) => sizeGib))].sort((a, b) => a - b);
  const highest = niceAbove(Math.max(limit?.value ?? 0, ...points.map(({ value }) => value)));
  const [first, last] = [Math.log2(sizes[0] ?? 1), Math.log2(sizes.at(-1) ?? 2)];
  const x = (sizeGib: number) => round(((Math.log2(sizeGib) - first) / (last - first || 1)) * width);
  const y = (value: number) => round(height - (value / highest) * height);
  const across = (value: number, style: string) =>
    `<line x1="0" x2="${width}" y1="${y(value)}" y2="${y(value)}" ${style}/>`;
  const lines = [`<text y="-18" font-size="14" font-weight="bold">${escapeXml(title)}</text>`];
  for (let tick = 0; tick <= TICKS; tick++) {
    const value = (highest * tick) / TICKS;
    lines.push(across(value, 'stroke="#ddd"'), label(-8, y(value) + 4, 'end', `${round(value)}`));
  }
  for (const size of sizes) lines.push(label(x(size), height + 18, 'middle', sizeText(size)));
  lines.push(label(width / 2, height + 38, 'middle', 'memory of the crashed machine'));
  if (limit) {
    lines.push(across(limit.value, 'stroke="#b00" stroke-dasharray="5 4"'));
    lines.push(label(width + 8, y(limit.value) + 4, 'start', limit.name, '#b00'));
  }
  for (const [index, { name, points }] of series.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(({ sizeGib, value }) => `${x(sizeGib)},${y(value)}`);
    lines.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    lines.push(
      ...path.map(at => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="3" fill="${colour}"/>`),
    );
    lines.push(label(width + 8, 16 + index * 18, 'start', name, colour));
  }
  return lines;
}

function label(x: number, y: number, anchor: string, text: string, fill = '#444'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}">${escapeXml(text)}</text>`;
}

/** 1, 2 or 5 times a power of ten. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-3)));
  return [1, 2, 5, 10].map(step => step * power).find(nice => nice >= value)!;
}

function sizeText(sizeGib: number): string {
  return sizeGib >= 1024 ? `${round(sizeGib / 1024)} TB` : `${sizeGib} GB`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
