/** Where Node is. `self-contained`: in the image. `lean`: on the file system of the dump target. */
export const LAYOUTS = ['self-contained', 'lean'] as const;
export type Layout = (typeof LAYOUTS)[number];
