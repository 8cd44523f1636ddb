/** Debian's nginx on loopback, with its WebDAV module and TLS: the real server that uploads are tested against. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';

export interface Nginx {
  readonly http: string;
  readonly httpPort: number;
  /** What it stores is in dav/ below it. */
  readonly folder: string;
  readonly https: string;
  /** Its certificate is for another name. */
  readonly misnamed: string;
  readonly expired: string;
  /** PEM: the authority of its certificates, which no machine trusts by itself. */
  readonly caFile: string;
  /** A file that makes /flaky/ answer 503 while it is there. */
  readonly flakyFlag: string;
  /** The requests that it answered; it writes them down a moment later. */
  log(until?: (request: LoggedRequest) => boolean): Promise<LoggedRequest[]>;
  stop(): Promise<void>;
}

export interface LoggedRequest {
  readonly method: string;
  readonly uri: string;
  readonly status: string;
  readonly type: string;
  readonly length: string;
  readonly encoding: string;
  readonly digest: string;
  readonly token: string;
  readonly body: string;
}

export async function startNginx(): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'kdumpling-nginx-'));
  const { argv } = await fetchTool(openCache(), 'nginx');
  const ports = await freePorts(4);
  const [http, https, misnamed, expired] = ports as [number, number, number, number];
  makeCertificates(dir);
  for (const folder of ['dav', 'temp', 'full']) mkdirSync(join(dir, folder));
  const flakyFlag = join(dir, 'flaky');
  writeFileSync(join(dir, 'nginx.conf'), configuration({ dir, http, https, misnamed, expired, flakyFlag }));
  // The full disk is a small one of its own, which goes away with the process that sees it.
  const script = `mount -t tmpfs -o size=256k tmpfs ${dir}/full && exec "$@"`;
  const nginx = [...argv, '-e', join(dir, 'error.log'), '-p', dir, '-c', join(dir, 'nginx.conf')];
  // setpriv: it ends with us, even if we are killed.
  const bound = ['--pdeathsig', 'KILL', 'unshare', '--mount', 'sh', '-c', script, 'sh'];
  const child = spawn('setpriv', [...bound, ...nginx], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const url = (scheme: string, port: number) => `${scheme}://127.0.0.1:${port}`;
  await answering(url('http', http), () => child.exitCode !== null);
  return {
    http: url('http', http),
    httpPort: http,
    folder: dir,
    https: url('https', https),
    misnamed: url('https', misnamed),
    expired: url('https', expired),
    caFile: join(dir, 'ca.pem'),
    flakyFlag,
    async log(until) {
      for (let tries = 0; ; tries++) {
        const requests = readFileSync(join(dir, 'access.log'), 'utf8')
          .split('\n')
          .filter(Boolean)
          .map(line => JSON.parse(line) as LoggedRequest);
        if (!until || requests.some(until) || tries === 100) return requests;
        await sleep(50);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

interface Places {
  readonly dir: string;
  readonly http: number;
  readonly https: number;
  readonly misnamed: number;
  readonly expired: number;
  readonly flakyFlag: string;
}

function configuration({ dir, http, https, misnamed, expired, flakyFlag }: Places): string {
  const dav = `root ${dir}; dav_methods PUT; create_full_put_path on;`;
  const tls = (port: number, name: string) => `server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${dir}/${name}.pem; ssl_certificate_key ${dir}/${name}.key;
    location /dav/ { ${dav} }
    location /out-of-tls/ { return 307 http://127.0.0.1:${http}/dav/x; }
  }`;
  return `daemon off; master_process off; pid ${dir}/pid; user root;
events {}
http {
  error_log ${dir}/error.log;
  log_format requests escape=json '{"method":"$request_method","uri":"$request_uri","status":"$status","type":"$content_type","length":"$http_content_length","encoding":"$http_transfer_encoding","digest":"$http_repr_digest","token":"$http_authorization","body":"$request_body"}';
  access_log ${dir}/access.log requests;
  client_max_body_size 0; client_body_buffer_size 64k; client_body_timeout 5s;
  client_body_temp_path ${dir}/temp; proxy_temp_path ${dir}/temp; fastcgi_temp_path ${dir}/temp;
  uwsgi_temp_path ${dir}/temp; scgi_temp_path ${dir}/temp;
  server {
    listen 127.0.0.1:${http};
    location = / { return 204; }
    location /dav/ { ${dav} }
    location /small/ { ${dav} client_max_body_size 1k; }
    location /full/ { ${dav} client_body_temp_path ${dir}/full; }
    location /flaky/ { if (-f ${flakyFlag}) { add_header Retry-After 1 always; return 503; } ${dav} }
    location /private/ { if ($http_authorization != "Bearer letmein") { return 401; } ${dav} }
    location /moved/ { return 307 /dav/moved; }
    location /round/ { return 308 /round/; }
    location /login/ { return 302 /dav/login; }
    location /hook/ { proxy_pass http://127.0.0.1:${http}/taken/; }
    location /taken/ { return 204; }
  }
  ${tls(https, 'server')}
  ${tls(misnamed, 'misnamed')}
  ${tls(expired, 'expired')}
}`;
}

function makeCertificates(dir: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=lab authority');
  const issue = (name: string, subjectAltName: string, days: string) => {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${subjectAltName}\n`);
    const signing = ['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'];
    openssl(...signing, '-CAcreateserial', '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  };
  issue('server', 'IP:127.0.0.1', '2');
  issue('misnamed', 'DNS:other.example', '2');
  issue('expired', 'IP:127.0.0.1', '-1');
}

/** Free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}

async function answering(url: string, hasEnded: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !hasEnded(); tries++) {
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`nginx does not answer at ${url}`);
}
