"""Kernel arguments as `rpm-ostree kargs` changes them, by libostree's own functions.

kernel_args.py OPTIONS FLAG... prints the new options. Which function a flag calls, and when: rpm-ostree,
src/daemon/rpmostreed-transaction-types.cxx, kernel_arg_apply_patching.
"""
import ctypes
import sys

lib = ctypes.CDLL('libostree-1.so.1')
lib.ostree_kernel_args_from_string.restype = ctypes.c_void_p
lib.ostree_kernel_args_to_string.restype = ctypes.c_char_p


class GError(ctypes.Structure):
    _fields_ = [('domain', ctypes.c_uint32), ('code', ctypes.c_int), ('message', ctypes.c_char_p)]


def text():
    return lib.ostree_kernel_args_to_string(args).decode()


def change(function, word):
    error = ctypes.POINTER(GError)()
    if not function(args, word.encode(), ctypes.byref(error)):
        sys.exit('error: ' + error.contents.message.decode())


def append_if_missing(word):
    if word not in text().split():
        lib.ostree_kernel_args_append(args, word.encode())


def delete_if_present(word):
    if word in text().split():
        change(lib.ostree_kernel_args_delete, word)


def replace(word):
    change(lib.ostree_kernel_args_new_replace, word)


FLAGS = {
    '--append-if-missing': append_if_missing,
    '--delete-if-present': delete_if_present,
    '--replace': replace,
}

options, *flags = sys.argv[1:]
args = ctypes.c_void_p(lib.ostree_kernel_args_from_string(options.encode()))
for flag in flags:
    name, _, word = flag.partition('=')
    FLAGS[name](word)
print(text())
