/** The rescue shell after a capture that failed: the target is mounted again, and a banner explains what happened. */
import { attempt, describeError } from '../errors.ts';
import type { ShellRequest } from '../init/shell.ts';
import { shellBanner } from '../init/shell-banner.ts';
import type { FinalAction } from '../options/schema.ts';
import type { FailedOutcome } from './record.ts';

export interface RescueRequest extends Omit<ShellRequest, 'banner'> {
  /** What follows the shell, for the banner. */
  readonly finalAction: FinalAction;
  readonly openShell: (request: ShellRequest) => void;
}

/** Returns at once. Everything saved was unmounted before, so nothing done in the shell can lose it. */
export function openRescue({ reason, rescue }: FailedOutcome, request: RescueRequest): void {
  const { log, finalAction, openShell, onEnd } = request;
  const warn = (error: unknown) => log.warn('shell', describeError(error));
  const target = rescue && attempt(() => rescue.reopen(), warn);
  openShell({
    ...request,
    banner: shellBanner({
      reason,
      mountpoint: target?.mountpoint,
      directory: rescue?.directory,
      finalAction,
    }),
    onEnd() {
      attempt(() => target?.close(), warn);
      onEnd();
    },
  });
}
