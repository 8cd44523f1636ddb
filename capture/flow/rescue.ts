/** A capture that failed, handed to a person: the target mounted again, and a shell that says what happened. */

import { describeError } from '../errors.ts';
import { openShell, type ShellRequest } from '../init/shell.ts';
import { shellBanner } from '../init/shell-banner.ts';
import type { FinalAction } from '../options/schema.ts';
import type { Outcome } from './record.ts';

export type FailedOutcome = Extract<Outcome, { saved: false }>;

export interface RescueRequest extends Omit<ShellRequest, 'banner'> {
  /** What follows, for the banner. */
  readonly finalAction: FinalAction;
}

/** Returns at once. What was saved was unmounted before: a person at the shell cannot cost it. */
export function openRescue(failure: FailedOutcome, request: RescueRequest): void {
  const { log, finalAction, onEnd } = request;
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      log.warn('shell', describeError(error));
      return undefined;
    }
  };
  const target = attempt(() => failure.reopen?.());
  const banner = shellBanner({
    reason: failure.reason,
    mountpoint: target?.mountpoint,
    directory: failure.reopenedDirectory,
    finalAction,
  });
  openShell({
    ...request,
    banner,
    onEnd() {
      attempt(() => target?.close());
      onEnd();
    },
  });
}
