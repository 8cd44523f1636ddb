/** `kdumpling upload`: sends a dump, or its report, to an object store, a WebDAV server or a ticket system's hook. */
import { readFileSync } from 'node:fs';
import { counted } from '../../capture/errors.ts';
import { type Command, EXIT, oneOf, UsageError, wholeNumber } from '../lib/cli/command.ts';
import { readDestination, shown } from '../lib/cli/destination.ts';
import { openMessages } from '../lib/dump/messages.ts';
import { MESSAGE } from '../lib/dump/request.ts';
import { standInNote } from '../lib/dumps/choose-file.ts';
import { findDump } from '../lib/dumps/find-dump.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { reportDump } from '../lib/report/dump-report.ts';
import { fileContent } from '../lib/upload/content.ts';
import { parseHeaderFile, TOKEN_VARIABLE, userHeaders } from '../lib/upload/headers.ts';
import { hiveName } from '../lib/upload/hive-name.ts';
import { fileOf, reportContent } from '../lib/upload/payload.ts';
import { upload as send } from '../lib/upload/upload.ts';

const METHODS = ['PUT', 'POST'] as const;

const OPTIONS = {
  report: { help: 'the crash report, and not the dump' },
  json: { help: 'with --report: as JSON' },
  file: {
    value: 'NAME',
    help: 'this file of the dump’s directory; else vmcore; where it is missing or incomplete vmcore-triage, or else vmcore-incomplete',
  },
  method: {
    value: 'NAME',
    choices: METHODS,
    help: 'PUT or POST (PUT; POST for a report, but not to {hive})',
  },
  'header-file': { value: 'FILE', help: 'headers to send, a line each: Name: value' },
  ca: { value: 'FILE', help: 'PEM: trust these authorities, and no other' },
  tries: { value: 'N', default: '6', help: 'attempts, with growing pauses between them' },
  'connect-timeout': { value: 'SECONDS', default: '20', help: 'until there is a connection' },
  'idle-timeout': { value: 'SECONDS', default: '120', help: 'in which no byte moves, or no answer comes' },
  ...ROOT_OPTION,
} as const;

export const upload: Command<typeof OPTIONS> = {
  name: 'kdumpling upload',
  purpose: `Sends a dump or its report by HTTP(S). $${TOKEN_VARIABLE} holds a token, @FILE a URL.`,
  positionals: ['ID|DIRECTORY|FILE', 'URL|@FILE'],
  options: OPTIONS,
  async run(given, signal) {
    const [id, url, ...rest] = given.positionals;
    if (id === undefined || url === undefined || rest.length > 0) {
      throw new UsageError('USAGE', {
        action: 'run kdumpling upload',
        actual: `it has ${counted(given.positionals.length, 'argument')}`,
        wanted: 'a dump and a URL',
      });
    }
    const host = openGivenHost(given.root);
    const dump = findDump(host, id);
    const suffix = given.report ? `report.${given.json ? 'json' : 'txt'}` : fileOf(dump, given.file);
    const report = given.report ? reportDump(host, dump) : undefined;
    const destination = readDestination(
      url,
      `${dump.id}-${suffix}`,
      report && given.json ? hiveName(report) : undefined,
    );
    const standardMethod = given.report && !destination.isTable ? 'POST' : 'PUT';
    const fromFile = given['header-file']
      ? parseHeaderFile(readFileSync(given['header-file'], 'utf8'), given['header-file'])
      : {};
    const job = {
      destination,
      method: oneOf('method', given.method ?? standardMethod, METHODS),
      headers: userHeaders(fromFile, process.env[TOKEN_VARIABLE], destination),
      tries: wholeNumber('tries', given.tries, 1, 100),
      ca: given.ca ? readFileSync(given.ca, 'utf8') : undefined,
      timeouts: {
        connectSeconds: wholeNumber('connect-timeout', given['connect-timeout'], 1, 3600),
        idleSeconds: wholeNumber('idle-timeout', given['idle-timeout'], 1, 86_400),
      },
      signal,
      show: shown,
    };
    const messages = openMessages(MESSAGE.progress | MESSAGE.common | MESSAGE.error, true);
    const note = report || given.file !== undefined ? undefined : standInNote(dump);
    if (note) messages.warn(note);
    const content = report
      ? reportContent(report, given.json, destination.isTable)
      : await fileContent(host.entry(`${dump.directory}/${suffix}`), signal, messages.progress);
    try {
      await send({
        ...job,
        content,
        say: messages.warn,
        onProgress: (done, total) => messages.progress(done, total, 'bytes'),
      });
    } finally {
      await content.close();
    }
    messages.say(`${shown(destination.url)}: ${content.sizeBytes} bytes of ${dump.id} uploaded`);
    return EXIT.done;
  },
};
