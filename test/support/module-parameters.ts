/** The kernel's rules for a module's parameters on its command line, as cases for the program and for the early stage. */

/** A case, its command line, and the parameters of the module `my_disk` on it. */
export const PARAMETERS: readonly [string, string, readonly string[]][] = [
  ['no word for it', 'console=ttyS0 nvme.a=1', []],
  ['one', 'quiet my_disk.size=2 splash', ['size=2']],
  ['a dash for an underscore', 'my-disk.size=2', ['size=2']],
  ['several, in order', 'my_disk.a=1 other.a=2 my-disk.b=3 my_disk.a=4', ['a=1', 'b=3', 'a=4']],
  ['a flag', 'my_disk.debug', ['debug']],
  ['a quoted value with blanks', 'my_disk.dyndbg="func x +p" quiet', ['dyndbg="func x +p"']],
  ['a word that is quoted as a whole', '"my_disk.dyndbg=func x +p" quiet', ['"dyndbg=func x +p"']],
  ['blanks within quotes as they are', 'my_disk.a="b  c"', ['a="b  c"']],
  ['a quote that is never closed', 'my_disk.a="b c', ['a="b c']],
  ['a word within quotes is none', 'dm="x my_disk.a=1 y"', []],
  ['dots and equals signs in a value', 'my_disk.a=b.c=d', ['a=b.c=d']],
  ['a longer name', 'my_disk2.a=1 xmy_disk.b=2 my_disk_b.c=3', []],
  ['a path or a dot before is no module', 'root=/dev/my_disk.a=1 x.my_disk.b=2', []],
  ['words behind -- are init’s', 'my_disk.a=1 -- my_disk.b=2', ['a=1']],
  ['-- within a value', 'my_disk.a=-- my_disk.b=2', ['a=--', 'b=2']],
  ['tabs and the newline', 'my_disk.a=1\tmy_disk.b=2\n', ['a=1', 'b=2']],
  ['an empty command line', '\n', []],
];
