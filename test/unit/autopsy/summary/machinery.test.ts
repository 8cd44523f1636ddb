import { expect, test } from 'vitest';
import { tellingFrames } from '../../../../capture/autopsy/summary/culprit.ts';

const frames = (names: string) => names.split(' ').map(name => ({ name }));

/** Innermost first, as in dumps of the lab: a reference that is taken on a count of 0, with panic_on_warn. */
test.each([
  [
    '6.1',
    'panic check_panic_on_warn __warn report_bug handle_bug exc_invalid_op asm_exc_invalid_op refcount_warn_saturate lab_refcount lab_write',
  ],
  [
    '7.2',
    'vpanic panic check_panic_on_warn __warn __report_bug report_bug_entry handle_bug exc_invalid_op asm_exc_invalid_op refcount_warn_saturate lab_refcount lab_write',
  ],
])('what reports a warning is not to blame: %s', (_, names) => {
  const [culprit] = tellingFrames({ trace: frames(names) }, 'trace');
  expect(culprit?.name).toBe('lab_refcount');
});

test.each(['__pi_memset_generic', '__pi_memcpy', 'memset', '__memcpy'])(
  'an overflow of the stack on arm64 (7.2, in the lab): neither what noticed it is to blame, nor the helper %s',
  helper => {
    const stack = frames(
      `panic panic_bad_stack handle_bad_stack __bad_stack ${helper} lab_recurse lab_recurse lab_write vfs_write`,
    );
    expect(tellingFrames({ trace: stack }, 'trace').map(({ name }) => name)).toEqual([
      'lab_recurse',
      'lab_write',
      'vfs_write',
    ]);
  },
);

/** Innermost first, as the lab's 6.12 of arm64 had them. */
test.each([
  [
    'a task that hangs on a frozen file system',
    '__switch_to __schedule schedule percpu_rwsem_wait __percpu_down_read mnt_want_write path_openat do_filp_open do_sys_openat2 __arm64_sys_openat invoke_syscall el0_svc_common',
    'mnt_want_write path_openat do_filp_open do_sys_openat2',
  ],
])('what switches tasks and enters the kernel on arm64 is not to blame: %s', (_, names, telling) => {
  expect(tellingFrames({ trace: frames(names) }, 'trace').map(({ name }) => name)).toEqual(
    telling.split(' '),
  );
});
