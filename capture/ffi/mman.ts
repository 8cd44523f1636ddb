/** What mmap(2) takes (Linux include/uapi/asm-generic/mman-common.h, linux/mman.h; x86-64 and arm64 alike). */
export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
/** Linux 4.17; an older kernel takes the address for a hint. */
export const MAP_FIXED_NOREPLACE = 0x10_0000;
/** What it returns, read as an address. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
