/** The kind of image that a boot loader of one architecture takes. */
export interface ImageFormat {
  /** With its article, as a message names it. */
  readonly name: string;
  /** Below a build directory. */
  readonly built: string;
  is(bytes: Buffer): boolean;
  /** As uname -r says it. undefined where the image does not say it. */
  release(bytes: Buffer): string | undefined;
  /** The kernel in the image; undefined where nothing here can decompress it. */
  unpack(bytes: Buffer): Buffer | undefined;
}
