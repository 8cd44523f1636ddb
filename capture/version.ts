/** This program's name and version, as the bundler fills it in. */

declare const KDUMPLING_VERSION: string | undefined;

export const PROGRAM = `kdumpling ${typeof KDUMPLING_VERSION === 'string' ? KDUMPLING_VERSION : '(from source)'}`;
