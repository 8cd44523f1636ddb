/** Text as somebody who had the machine would choose it, to run in the browser of whoever reads the report. */

export const HOSTILE = [
  '<script>document.title="PWNED"</script>',
  '"><img src=x onerror=document.title="PWNED">',
  "'></text></svg><script>document.title='PWNED'</script>",
  '</style><script>document.title="PWNED"</script>',
  '<!--',
  '--><iframe src=javascript:document.title="PWNED">',
  'javascript:document.title="PWNED"',
  '&lt;b&gt; &#60;script&#62;',
  '\u202egnp.exe\u0000\u001b]0;x\u0007',
  '<svg/onload=document.title="PWNED">',
  '" style="position:fixed',
  '\ud800<base href=//evil.example>',
];

/** Each string of the value replaced by a hostile one, except those that only our own words can be. */
export function hostileCopy<T>(value: T, isKept: (key: string) => boolean, seed = 0): T {
  let next = seed;
  const copy = (part: unknown, key: string): unknown => {
    if (typeof part === 'string') return isKept(key) ? part : HOSTILE[next++ % HOSTILE.length];
    if (Array.isArray(part)) return part.map(item => copy(item, key));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).map(([name, item]) => [
        name === 'MemFree' || name === 'D' || name === 'RAX' ? HOSTILE[next++ % HOSTILE.length] : name,
        copy(item, name),
      ]),
    );
  };
  return copy(value, '') as T;
}
