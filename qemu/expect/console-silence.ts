/** Whoever watches the console of a capture sees a line in each minute, whatever the capture does. */
import type { Expectation } from './check.ts';

/** A minute, and what a machine stands still meanwhile that is emulated on a busy host. */
const MOST_SECONDS = 75;
/** By the crash kernel's own clock. */
const STAMPED = /^\[ *(\d+\.\d+)\] (.*)$/;

export const neverSilent: Expectation = ({ lines }) => {
  const boots = lines.flatMap(({ text }, at) => (/Linux version /.test(text) ? [at] : []));
  const ofCapture = lines.slice(boots[1] ?? lines.length, boots[2]);
  const stamped = ofCapture.flatMap(({ text }) => {
    const [, seconds, words] = STAMPED.exec(text) ?? [];
    return words === undefined ? [] : [{ seconds: Number(seconds), words }];
  });
  const silences = stamped.slice(1).map(({ seconds }, i) => ({
    seconds: seconds - stamped[i].seconds,
    after: stamped[i].words,
  }));
  const longest = silences.reduce((most, one) => (one.seconds > most.seconds ? one : most), {
    seconds: 0,
    after: 'nothing',
  });
  return [
    {
      what: 'the console is never silent for long',
      holds: longest.seconds <= MOST_SECONDS,
      saw: `at most ${longest.seconds.toFixed(0)} s, after "${longest.after}"`,
    },
  ];
};
