/** Notices a kernel that hangs in its boot, long before the machine's deadline. */

/** Until a line matches, a console that is silent for so long is that of a kernel that hangs. */
export interface Boot {
  readonly until: RegExp;
  readonly silentSeconds: number;
}

export interface BootWatch {
  onLine(text: string): void;
  /** What was seen if the kernel hung. */
  hung(): string | undefined;
  end(): void;
}

/** @param onHang is called at most once. */
export function watchBoot(boot: Boot | undefined, onHang: () => void): BootWatch {
  if (!boot) return { onLine() {}, hung: () => undefined, end() {} };
  const { until, silentSeconds } = boot;
  let last = 'nothing';
  let isHung = false;
  let isWatched = true;
  const timer = setTimeout(() => {
    isHung = true;
    onHang();
  }, silentSeconds * 1000);
  return {
    onLine(text) {
      if (isHung || !isWatched) return;
      last = text;
      isWatched = !until.test(text);
      if (isWatched) timer.refresh();
      else clearTimeout(timer);
    },
    hung: () => (isHung ? `its kernel printed nothing for ${silentSeconds} s after "${last}"` : undefined),
    end: () => clearTimeout(timer),
  };
}
