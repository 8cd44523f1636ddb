/** Progress of long work, as a line now and then: percent, MB/s, ETA, or a count where the end is not known. */

export interface Progress {
  /** Takes the pages done so far. Writes a line when enough time has passed since the last one. */
  report(pagesDone: number, pagesTotal: number): void;
}

/** Most work is over by then. */
export const QUIET_SECONDS = 10;
/** Seconds between two lines: a share of the time so far, so that a long dump gets about ten lines each time it doubles. */
const SECONDS_BETWEEN_LINES = { least: 2, most: 60, shareOfElapsed: 0.1 };

/**
 * @param say takes the text of a line. @param seconds a monotonic clock.
 * @param quietSeconds before the first line: for work that is usually over by then.
 */
export function openProgress(
  pageBytes: number,
  say: (text: string) => void,
  seconds: () => number,
  quietSeconds = 0,
): Progress {
  const due = openPace(seconds, quietSeconds);
  return {
    report(pagesDone, pagesTotal) {
      const elapsed = pagesDone === 0 ? undefined : due();
      if (elapsed === undefined) return;
      const bytesPerSecond = (pagesDone * pageBytes) / elapsed;
      const eta = (elapsed * (pagesTotal - pagesDone)) / pagesDone;
      const percent = Math.floor((100 * pagesDone) / pagesTotal);
      say(
        `${percent} % of ${megabytes(pagesTotal * pageBytes)} MB, ${megabytes(bytesPerSecond)} MB/s, ETA ${Math.ceil(eta)} s`,
      );
    },
  };
}

/** As `openProgress`, for work of which only what is done is known. */
export function openCount(
  say: (text: string) => void,
  seconds: () => number,
  quietSeconds = 0,
): (describe: () => string) => void {
  const due = openPace(seconds, quietSeconds);
  return describe => {
    if (due() !== undefined) say(describe());
  };
}

/** The seconds so far, when a line is due; undefined otherwise. */
function openPace(seconds: () => number, quietSeconds: number): () => number | undefined {
  const started = seconds();
  let said = started;
  return () => {
    const now = seconds();
    const elapsed = now - started;
    if (elapsed < quietSeconds || now - said < interval(elapsed)) return undefined;
    said = now;
    return elapsed;
  };
}

function interval(elapsedSeconds: number): number {
  const { least, most, shareOfElapsed } = SECONDS_BETWEEN_LINES;
  return Math.min(most, Math.max(least, elapsedSeconds * shareOfElapsed));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
