/**
 * CRC-32 over a run of zeros, in time that does not depend on its length. To append a zero byte multiplies the CRC register,
 * as a polynomial over GF(2), by x^8; so n of them multiply it by x^8n (mod the CRC's polynomial, bits reflected).
 */

const POLYNOMIAL = 0xedb8_8320;
const X_TO_0 = 0x8000_0000;
const X_TO_8 = 0x0080_0000;
/** The register is kept inverted. */
const INVERTED = 0xffff_ffff;

/** The CRC-32 of what `crc` is the CRC-32 of, and `lengthBytes` zeros after it. */
export function crc32Zeros(crc: number, lengthBytes: number): number {
  let factor = X_TO_0;
  let power = X_TO_8;
  for (let left = lengthBytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) factor = multiply(factor, power);
    power = multiply(power, power);
  }
  return (multiply((crc ^ INVERTED) >>> 0, factor) ^ INVERTED) >>> 0;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = X_TO_0; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
