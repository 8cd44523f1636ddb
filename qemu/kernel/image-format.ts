/** The kind of image that a boot loader of one architecture takes. */
export interface ImageFormat {
  /** With its article, as a message names it. */
  readonly name: string;
  /** Below a build directory. */
  readonly built: string;
  is(bytes: Buffer): boolean;
  /** As uname -r says it. undefined where the image does not say it. */
  release(bytes: Buffer): string | undefined;
  /** The text of its .config where the kernel was built with CONFIG_IKCONFIG, and where it can be unpacked here. */
  config(bytes: Buffer): string | undefined;
}
