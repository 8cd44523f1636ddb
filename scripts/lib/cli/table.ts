/** Rows in aligned columns, for a terminal, a pipe or a file. */

export interface TableLayout {
  /** Blanks before each row. */
  readonly indent?: number;
  /** Width of the terminal; undefined where there is none, and lines are as long as they are. */
  readonly columns?: number;
  /** What happens to a last cell that does not fit the terminal. */
  readonly last?: 'cut' | 'wrapped';
}

const GAP = 2;
/** A last column that is narrower is not worth its place: the lines are left to the terminal. */
const LEAST_COLUMNS = 20;

/** @param rows of printable text; a row may have fewer cells than others. */
export function tableLines(rows: readonly (readonly string[])[], layout: TableLayout = {}): string[] {
  const { indent = 0, columns = Number.POSITIVE_INFINITY, last = 'cut' } = layout;
  const count = Math.max(0, ...rows.map(row => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map(row => widthOf(row[column] ?? ''))),
  );
  const before = indent + widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  const room = columns - before >= LEAST_COLUMNS ? columns - before : Number.POSITIVE_INFINITY;
  return rows.flatMap(row => {
    const head = widths.slice(0, -1).map((width, column) => padded(row[column] ?? '', width + GAP));
    const [first = '', ...rest] = fitted(row[count - 1] ?? '', room, last);
    const line = `${' '.repeat(indent)}${head.join('')}${first}`.trimEnd();
    return [line, ...rest.map(text => `${' '.repeat(before)}${text}`)];
  });
}

/** Of standard output, if it is a terminal. */
export function terminalColumns(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}

function fitted(text: string, room: number, last: TableLayout['last']): string[] {
  if (widthOf(text) <= room) return [text];
  if (last === 'cut') return [`${[...text].slice(0, room - 1).join('')}…`];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const isFull = line !== '' && widthOf(line) + 1 + widthOf(word) > room;
    if (isFull) lines.push(line);
    line = line === '' || isFull ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** In characters of a terminal, but for those of East Asian scripts, which take two. */
function widthOf(text: string): number {
  return [...text].length;
}
