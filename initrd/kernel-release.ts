/** Whether a kernel is of this version or a later one, by its release as `uname -r` prints it; false for what has no version. */
export function isAtLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const found = /^(\d+)\.(\d+)/.exec(release);
  if (!found) return false;
  const [foundMajor, foundMinor] = found.slice(1).map(Number) as [number, number];
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
