/** Debian's architectures that kdumpling is built for, and GNU's names of them, which cross compilers and library folders bear. */
export const TRIPLETS: Readonly<Record<string, string>> = {
  amd64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};
