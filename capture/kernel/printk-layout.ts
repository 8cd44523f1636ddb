/** The layout of the printk ring buffer, from vmcoreinfo (log_buf_vmcoreinfo_setup() in kernel/printk/printk.c). */
import { KernelError } from '../errors.ts';
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';

/** Offsets in bytes: first those within struct printk_ringbuffer, then prb_desc, then printk_info. */
export interface PrintkLayout {
  readonly ringBytes: number;
  readonly countBits: number;
  readonly descs: number;
  readonly infos: number;
  readonly headId: number;
  readonly tailId: number;
  readonly sizeBits: number;
  readonly data: number;

  readonly descBytes: number;
  readonly stateVar: number;
  readonly begin: number;
  readonly next: number;

  readonly infoBytes: number;
  readonly seq: number;
  readonly tsNsec: number;
  readonly textLen: number;
  readonly facility: number | undefined;
  readonly flagsAndLevel: number | undefined;
  readonly callerId: number | undefined;
}

const ACTION = 'read the kernel log';
/** printk_info is the largest of the three, at some 90 bytes. */
const MAX_STRUCT_BYTES = 4096;

/** @throws KernelError that names the key that is missing, or whose field does not fit its structure. */
export function decodePrintkLayout(vmcoreinfo: Vmcoreinfo): PrintkLayout {
  // Checked first: without it the kernel has another kind of log (before 5.10) or none.
  vmcoreinfo.requireSymbol('prb', ACTION);
  const offset = (member: string) => vmcoreinfo.requireOffset(member, ACTION);
  const within = (structBytes: number, at: number, fieldBytes: number, member: string) => {
    if (at + fieldBytes <= structBytes) return at;
    throw new KernelError(
      'PRINTK_LAYOUT',
      {
        action: ACTION,
        actual: `vmcoreinfo ends ${member} at byte ${at + fieldBytes}`,
        wanted: `${structBytes} at most, the size of its structure`,
      },
      { member },
    );
  };
  const sizeOf = (name: string) => {
    const sizeBytes = vmcoreinfo.requireSize(name, ACTION);
    if (sizeBytes <= MAX_STRUCT_BYTES) return sizeBytes;
    throw new KernelError(
      'PRINTK_LAYOUT',
      { action: ACTION, actual: `SIZE(${name}) is ${sizeBytes}`, wanted: `${MAX_STRUCT_BYTES} at most` },
      { name },
    );
  };

  const ringBytes = sizeOf('printk_ringbuffer');
  const descRing = offset('printk_ringbuffer.desc_ring');
  const textRing = offset('printk_ringbuffer.text_data_ring');
  const counter = vmcoreinfo.offset('atomic_long_t.counter') ?? 0;
  const inDescRing = (member: string, fieldBytes: number, extra = 0) =>
    within(
      ringBytes,
      descRing + offset(`prb_desc_ring.${member}`) + extra,
      fieldBytes,
      `prb_desc_ring.${member}`,
    );
  const inTextRing = (member: string, fieldBytes: number) =>
    within(ringBytes, textRing + offset(`prb_data_ring.${member}`), fieldBytes, `prb_data_ring.${member}`);

  const descBytes = sizeOf('prb_desc');
  const blkLpos = offset('prb_desc.text_blk_lpos');
  const inLpos = (member: string) =>
    within(descBytes, blkLpos + offset(`prb_data_blk_lpos.${member}`), 8, `prb_data_blk_lpos.${member}`);

  const infoBytes = sizeOf('printk_info');
  const inInfo = (member: string, fieldBytes: number) =>
    within(infoBytes, offset(`printk_info.${member}`), fieldBytes, `printk_info.${member}`);
  const textLen = inInfo('text_len', 2);
  const exportedCallerId = vmcoreinfo.offset('printk_info.caller_id');
  const hasCallerId = exportedCallerId !== undefined && exportedCallerId + 4 <= infoBytes;
  const callerId = hasCallerId ? exportedCallerId : undefined;
  // vmcoreinfo does not export facility (u8) and flags:5, level:3 (u8), which are between text_len and caller_id.
  const between = callerId === textLen + 4;

  return {
    ringBytes,
    countBits: inDescRing('count_bits', 4),
    descs: inDescRing('descs', 8),
    infos: inDescRing('infos', 8),
    headId: inDescRing('head_id', 8, counter),
    tailId: inDescRing('tail_id', 8, counter),
    sizeBits: inTextRing('size_bits', 4),
    data: inTextRing('data', 8),
    descBytes,
    stateVar: within(descBytes, offset('prb_desc.state_var') + counter, 8, 'prb_desc.state_var'),
    begin: inLpos('begin'),
    next: inLpos('next'),
    infoBytes,
    seq: inInfo('seq', 8),
    tsNsec: inInfo('ts_nsec', 8),
    textLen,
    facility: between ? textLen + 2 : undefined,
    flagsAndLevel: between ? textLen + 3 : undefined,
    callerId,
  };
}
