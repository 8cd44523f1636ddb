/** An imported configuration for people, and as the file that is written. */
import { printable } from '../../../../capture/text.ts';
import { tableLines, terminalColumns } from '../../cli/table.ts';
import type { Import } from './import.ts';
import type { Outcome } from './outcome.ts';

/** What became of each setting, by file. */
export function importText({ files, settings }: Import): string {
  return files
    .flatMap(file => [
      `${file}:`,
      ...tableLines(
        settings
          .filter(one => one.file === file)
          .map(({ name, outcome }) => [name, ...describe(outcome)].map(printable)),
        { indent: 2, columns: terminalColumns(), last: 'wrapped' },
      ),
    ])
    .join('\n');
}

export function configText({ program, files, settings, lines }: Import): string {
  const lost = settings.flatMap(({ name, outcome }) =>
    outcome.kind === 'left out' ? [`# ${name}: ${outcome.why}`] : [],
  );
  return [
    `# Made by \`kdumpling import-config\` from ${files.join(' and ')} of ${program}.`,
    ...lines,
    ...(lost.length > 0 ? ['# Not taken:', ...lost] : []),
    '',
  ].join('\n');
}

function describe(outcome: Outcome): [string, string] {
  switch (outcome.kind) {
    case 'taken': {
      const { lines = [], collector, why } = outcome;
      const directives = collector === undefined ? lines : [`core_collector makedumpfile ${collector}`];
      return ['taken', `${directives.join('; ')}${why === undefined ? '' : ` (${why})`}`];
    }
    case 'same':
      return ['not needed', outcome.why];
    case 'left out':
      return ['not taken', outcome.why];
  }
}
