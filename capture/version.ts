/** This program's name and version. The bundler defines KDUMPLING_VERSION (build/bundle.ts). */

declare const KDUMPLING_VERSION: string | undefined;

export const PROGRAM = `kdumpling ${typeof KDUMPLING_VERSION === 'string' ? KDUMPLING_VERSION : '(from source)'}`;
