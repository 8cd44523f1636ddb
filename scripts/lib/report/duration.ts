/** How long something ran, in words. */

export function duration(seconds: number): string {
  const [DAY, HOUR, MINUTE] = [86_400, 3600, 60];
  if (seconds < MINUTE) return `${seconds.toFixed(1)} s`;
  const parts = [
    [Math.floor(seconds / DAY), 'd'],
    [Math.floor((seconds % DAY) / HOUR), 'h'],
    [Math.floor((seconds % HOUR) / MINUTE), 'min'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
