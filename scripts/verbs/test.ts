/** `kdumpling test`: really crashes this machine; at the next boot, says whether the crash was captured. */
import { hostname } from 'node:os';
import { SystemError } from '../../capture/errors.ts';
import { readFacts } from '../lib/arming/facts.ts';
import { ask } from '../lib/cli/ask.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { hostDumps } from '../lib/dumps/host-dumps.ts';
import { NO_ROOT_OPTION, refuseRoot } from '../lib/host/given-root.ts';
import { type Host, openHost } from '../lib/host/host.ts';
import { readState } from '../lib/status/state.ts';
import { bootId, judgeTest, readRecord, writeRecord } from '../lib/status/test-record.ts';
import { subjectOf } from '../lib/status/test-subject.ts';
import { verdict } from '../lib/status/text.ts';

const OPTIONS = {
  'yes-crash-this-machine': { help: 'crash without asking' },
  result: { help: 'do not crash: show how the last test ended' },
  ...NO_ROOT_OPTION,
} as const;

export const test: Command<typeof OPTIONS> = {
  name: 'kdumpling test',
  purpose: 'Really crashes this machine, and says at the next boot whether the crash was captured.',
  options: OPTIONS,
  async run({ 'yes-crash-this-machine': yes, result, root }, signal) {
    refuseRoot('kdumpling test', root);
    const host = openHost();
    if (result) return showResult(host);
    requireRoot('crash this machine');
    const state = readState(host);
    if (!state.armed) {
      throw new SystemError('NOT_ARMED', {
        action: 'test a crash',
        actual: verdict(state),
        wanted: 'an armed machine',
      });
    }
    const name = hostname();
    const question = `This CRASHES ${name} now: everything that runs on it stops, and unsaved data is lost. Type the name of the machine to go on:`;
    if (!yes && !(await ask(question, name, { option: 'yes-crash-this-machine', signal }))) {
      console.log('nothing was done');
      return EXIT.failed;
    }
    const dumps = state.dumps.map(({ id }) => id);
    const tested = subjectOf(state.facts);
    writeRecord(host, { bootId: bootId(host), time: new Date().toISOString(), dumps, tested });
    console.log('crashing now; after the reboot, run: kdumpling test --result');
    return crash(host);
  },
};

function showResult(host: Host): number {
  const record = readRecord(host);
  if (!record) {
    console.log('no test has been run on this machine');
    return EXIT.failed;
  }
  const { passed, text } = judgeTest(record, bootId(host), hostDumps(host).dumps, subjectOf(readFacts(host)));
  console.log(text);
  return passed ? EXIT.done : EXIT.failed;
}

/** Does not return if it works. */
function crash(host: Host): number {
  const sync = host.command('sync');
  if (sync) host.run(sync, []);
  // The trigger file works for root whatever kernel.sysrq allows at the keyboard (Linux drivers/tty/sysrq.c).
  host.set('/proc/sysrq-trigger', 'c');
  throw new SystemError('NOT_CRASHED', {
    action: 'crash this machine',
    actual: 'it still runs after writing c to /proc/sysrq-trigger',
  });
}
