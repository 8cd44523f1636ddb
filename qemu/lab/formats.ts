/** The results of a suite for machines that collect them: TAP and JUnit's XML. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CellResult } from './suite.ts';

/** Perl's prove (TAP::Parser 3.44) refuses a newer one. */
const TAP_VERSION = 13;

/** @param interrupted the crashes that are left were not made */
export function tap(results: readonly CellResult[], interrupted = false): string {
  const points = results.map((result, at) => {
    const ok = result.verdict === 'passed' ? 'ok' : 'not ok';
    // A number sign begins a directive.
    const title = result.title.replaceAll(/[\\#]/g, '\\$&');
    return [`${ok} ${at + 1} - ${title}`, ...diagnosis(result)].join('\n');
  });
  const end = interrupted ? ['Bail out! Interrupted'] : [];
  return [`TAP version ${TAP_VERSION}`, `1..${results.length}`, ...points, ...end].join('\n');
}

/** Reasons have numbers as keys: prove takes a list's item that begins with one word and a colon for a key. */
function diagnosis({ verdict, reasons, directory, seconds }: CellResult): string[] {
  const facts = [
    ['verdict', verdict],
    ['seconds', seconds.toFixed(1)],
    ...(directory ? [['directory', directory]] : []),
    ...reasons.map(reason => ['reason', reason]),
  ];
  const keys = facts.filter(([name]) => name !== 'reason');
  const why = facts.filter(([name]) => name === 'reason');
  return [
    '  ---',
    ...keys.map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`),
    ...(why.length > 0
      ? ['  reasons:', ...why.map(([, value], at) => `    ${at + 1}: ${JSON.stringify(value)}`)]
      : []),
    '  ...',
  ];
}

/** A lost machine is an error and not a failure: it says nothing about the capture. */
export function junit(results: readonly CellResult[]): string {
  const count = (verdict: CellResult['verdict']) => results.filter(one => one.verdict === verdict).length;
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0).toFixed(1);
  const counts = `tests="${results.length}" failures="${count('failed')}" errors="${count('lost')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="kdumpling-lab" ${counts} time="${seconds}">`,
    ...results.map(testCase),
    '</testsuite>',
    '',
  ].join('\n');
}

function testCase(result: CellResult): string {
  const { cell, title, verdict, seconds, reasons } = result;
  const attributes = `classname="${xml(cell.kernel ?? 'own')}" name="${xml(title)}" time="${seconds.toFixed(1)}"`;
  if (verdict === 'passed') return `  <testcase ${attributes}/>`;
  const kind = verdict === 'failed' ? 'failure' : 'error';
  const text = [...reasons, ...evidence(result)].join('\n');
  return [
    `  <testcase ${attributes}>`,
    `    <${kind} message="${xml(reasons[0] ?? verdict)}">${xml(text)}</${kind}>`,
    '  </testcase>',
  ].join('\n');
}

/** QEMU's command line and where the serial log and the manifest are. */
function evidence({ directory }: CellResult): string[] {
  if (directory === undefined) return [];
  const command = join(directory, 'qemu.txt');
  return [
    ...(existsSync(command) ? [`QEMU: ${readFileSync(command, 'utf8').trim()}`] : []),
    `serial log: ${join(directory, 'serial.log')}`,
    `dumps: ${join(directory, 'captured/crash')}`,
  ];
}

/** Control characters, which XML 1.0 cannot hold, become question marks. */
function xml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    '"': '&quot;',
  };
  return text.replace(/[<>&"]/g, char => entities[char]!).replace(/[^\P{Cc}\n\t]/gu, '?');
}
