/**
 * The Kubernetes pair: its fields are Kubernetes' own (by the types that are made from its API's OpenAPI document: a
 * field that is unknown or of another type does not compile), and its scripts do on a node what they should.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

const PROJECT = join(import.meta.dirname, '../../..');
const VERBS = ['enable', 'disable'] as const;
type Verb = (typeof VERBS)[number];

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

const documents = (verb: Verb): Manifest[] =>
  parseAllDocuments(readFileSync(join(PROJECT, `scripts/deploy/kdump-${verb}.yaml`), 'utf8')).map(
    document => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Manifest;
    },
  );
const scriptOf = (verb: Verb) => documents(verb)[0].data![`${verb}.sh`];

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-deploy-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** What the compiler says of the manifests as literals of Kubernetes' types. */
function compile(manifests: readonly unknown[]): string {
  const types = { ConfigMap: 'core/v1', DaemonSet: 'apps/v1' } as const;
  const lines = manifests.map((manifest, index) => {
    const kind = (manifest as Manifest).kind as keyof typeof types;
    return `export const m${index}: import('kubernetes-types/${types[kind]}').${kind} = ${JSON.stringify(manifest)};`;
  });
  symlinkSync(join(PROJECT, 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'manifests.ts'), lines.join('\n'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'preserve', '--target', 'es2024'];
  const tsc = join(PROJECT, 'node_modules/.bin/tsc');
  const { stdout } = spawnSync(tsc, [...options, '--types', '', 'manifests.ts'], {
    cwd: dir,
    encoding: 'utf8',
  });
  return stdout;
}

test('every field is Kubernetes’ own', () => {
  expect(compile(VERBS.flatMap(documents))).toBe('');
});

test('the check can fail', () => {
  const [, daemonSet] = documents('enable') as unknown as [unknown, { spec: { template: { spec: object } } }];
  Object.assign(daemonSet.spec.template.spec, { hostPid: true });
  const said = compile([daemonSet]);
  expect(said).toContain('hostPid');
});

describe.each(VERBS)('%s', verb => {
  test('its parts name each other', () => {
    const [configMap, daemonSet] = documents(verb) as unknown as [Manifest, DaemonSet];
    expect(configMap).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(daemonSet).toMatchObject({ apiVersion: 'apps/v1', kind: 'DaemonSet' });
    const { selector, template } = daemonSet.spec;
    expect(template.metadata.labels).toEqual(selector.matchLabels);
    expect(template.spec.volumes[0].configMap.name).toBe(configMap.metadata.name);
    const [{ command, volumeMounts }] = template.spec.initContainers;
    expect(command.at(-1)).toBe(`${volumeMounts[0].mountPath}/${Object.keys(configMap.data!)[0]}`);
    expect(volumeMounts[0].name).toBe(template.spec.volumes[0].name);
  });
});

interface DaemonSet {
  readonly spec: {
    readonly selector: { readonly matchLabels: object };
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly initContainers: readonly [
          {
            readonly command: string[];
            readonly volumeMounts: readonly [{ name: string; mountPath: string }];
          },
        ];
        readonly volumes: readonly [{ name: string; configMap: { name: string } }];
      };
    };
  };
}

interface Node {
  readonly enabled: boolean;
  readonly ready: boolean;
  readonly rebootedBefore?: boolean;
  /** kdumpling is on it (it is). */
  readonly installed?: boolean;
}

/** Runs a script in a shell against a node of commands that write down how they were called. */
function runOn(verb: Verb, { enabled, ready, rebootedBefore, installed = true }: Node) {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const marker = join(dir, 'var/rebooted-to-reserve');
  mkdirSync(join(dir, 'var'));
  if (rebootedBefore) writeFileSync(marker, '');
  writeFileSync(join(dir, 'enabled'), String(enabled));
  const commands: Readonly<Record<string, string>> = {
    nsenter: `while [ "$1" != -- ]; do shift; done; shift; exec "$@"`,
    kdump_helper: `case $1 in
      show) echo "kdump enabled: $(cat ${dir}/enabled)"; echo "kdump ready: ${ready}";;
      enable) echo kdump_helper enable >> ${dir}/did; echo true > ${dir}/enabled;;
      disable) echo kdump_helper disable >> ${dir}/did; echo false > ${dir}/enabled;;
      *) exit 2;;
      esac`,
    systemctl: `echo systemctl "$@" >> ${dir}/did`,
    sleep: 'exit 0',
  };
  for (const [name, body] of Object.entries(commands)) {
    if (name === 'kdump_helper' && !installed) continue;
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const script = scriptOf(verb).replaceAll('/var/lib/kdumpling', join(dir, 'var'));
  const { status } = spawnSync('sh', ['-c', script], { env: { PATH: `${bin}:${process.env.PATH}` } });
  const did = existsSync(join(dir, 'did')) ? readFileSync(join(dir, 'did'), 'utf8').trim().split('\n') : [];
  return { status, did, marked: existsSync(marker) };
}

describe('what the scripts do on a node', () => {
  const load = 'systemctl start kdumpling-load.service';
  const reboot = 'systemctl reboot';
  test.each([
    ['neither', { enabled: false, ready: false }, ['kdump_helper enable', reboot]],
    ['enabled, not ready', { enabled: true, ready: false }, [reboot]],
    ['memory reserved already', { enabled: false, ready: true }, ['kdump_helper enable', load]],
    ['armed', { enabled: true, ready: true }, [load]],
    ['armed by its reboot', { enabled: true, ready: true, rebootedBefore: true }, [load]],
  ])('enable: %s', (_, node, expected) => {
    const { did } = runOn('enable', node);
    // The sleep after a reboot ends here at once, and what follows it runs.
    expect(did.slice(0, expected.length)).toEqual(expected);
  });

  test('a reboot is asked for once: what it does not help, a second one does not', () => {
    const again = runOn('enable', { enabled: true, ready: false, rebootedBefore: true });
    expect(again).toEqual({ status: 1, did: [], marked: true });
  });

  test('armed, the node may be rebooted again another day', () => {
    expect(runOn('enable', { enabled: true, ready: true, rebootedBefore: true }).marked).toBe(false);
  });

  test.each([
    ['enabled', true, ['kdump_helper disable']],
    ['not enabled', false, []],
  ])('disable: %s; it reboots nothing', (_, enabled, expected) => {
    expect(runOn('disable', { enabled, ready: enabled, rebootedBefore: true })).toEqual({
      status: 0,
      did: expected,
      marked: false,
    });
  });

  test('a node without kdumpling: the pod fails, and nothing was done', () => {
    const { status, did } = runOn('enable', { enabled: false, ready: false, installed: false });
    expect(status).not.toBe(0);
    expect(did).toEqual([]);
  });
});
