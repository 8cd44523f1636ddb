/** Kernels of Debian's and architectures on which a value of an axis cannot be had, with the reason. */
import { HOST_ARCHITECTURE } from '../../build/fetch/apt.ts';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';

/** Kernels that lack something, and the kernel to take instead. */
export interface Misfit {
  /** Their names without the architecture: `6.1-cloud`. */
  readonly kernels: readonly string[];
  /** Debian's name of the one whose kernels they are; any by default. */
  readonly architecture?: string;
  readonly why: string;
  readonly instead: KernelChoice;
}

/** Why an architecture cannot have it, by Debian's name of the architecture. */
export type NotOn = Readonly<Partial<Record<string, string>>>;

/** Of values of axes, those that the architecture can have. */
export const possibleOn =
  (architecture: string) =>
  ({ notOn }: { readonly notOn?: NotOn }): boolean =>
    notOn?.[architecture] === undefined;

/** The first of the things that the kernel does not fit. */
export function misfitOn(
  { series, flavour, architecture = HOST_ARCHITECTURE }: KernelChoice,
  things: readonly { readonly misfit?: Misfit }[],
): Misfit | undefined {
  return things
    .map(({ misfit }) => misfit)
    .find(
      misfit =>
        misfit?.kernels.includes(`${series}-${flavour}`) &&
        (misfit.architecture ?? architecture) === architecture,
    );
}
