/** What debuginfod's clients go by (debuginfod_find_debuginfo(3)): servers, cache and timeout, from the environment. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';

export interface DebuginfodSettings {
  readonly servers: readonly URL[];
  /** Words of DEBUGINFOD_URLS that name no server that can be asked. */
  readonly unusable: readonly string[];
  /** Shared with elfutils, gdb and drgn. */
  readonly cache: string;
  /** In which no byte moves. */
  readonly timeoutSeconds: number;
}

const TIMEOUT_SECONDS = 90;

export function debuginfodSettings(env: NodeJS.ProcessEnv, hasOldCache: boolean): DebuginfodSettings {
  const words = (env.DEBUGINFOD_URLS ?? '').split(/\s+/).filter(word => word !== '');
  // Policies about IMA signatures stand between the servers: Fedora's value begins with "ima:enforcing" (elfutils 0.192).
  const named = words.filter(word => !word.startsWith('ima:'));
  const isServer = (word: string) => URL.canParse(word) && /^https?:$/.test(new URL(word).protocol);
  const timeout = Number(env.DEBUGINFOD_TIMEOUT);
  return {
    servers: named.filter(isServer).map(word => new URL(word)),
    unusable: named.filter(word => !isServer(word)),
    cache: cacheOf(env, hasOldCache),
    timeoutSeconds: timeout > 0 ? timeout : TIMEOUT_SECONDS,
  };
}

/** In the home directory, where elfutils before 0.179 had its cache, and later ones use it while it is there. */
export const OLD_CACHE = '.debuginfod_client_cache';

function cacheOf(env: NodeJS.ProcessEnv, hasOldCache: boolean): string {
  if (env.DEBUGINFOD_CACHE_PATH) return env.DEBUGINFOD_CACHE_PATH;
  if (hasOldCache) return join(homedir(), OLD_CACHE);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'debuginfod_client');
}

/** What the distribution would have set: a login shell reads it, and sudo drops it. */
export function configuredServers(host: Host): string {
  return host
    .list('/etc/debuginfod')
    .filter(name => name.endsWith('.urls'))
    .map(name => host.read(`/etc/debuginfod/${name}`)?.trim())
    .filter(Boolean)
    .join(' ');
}

/** The request of debuginfod(8)'s web API. A server's URL may already end in /buildid, as elfutils takes it. */
export function debuginfoUrl(server: URL, buildId: string): URL {
  const url = new URL(server);
  url.pathname = `${url.pathname.replace(/\/*(buildid\/*)?$/, '')}/buildid/${buildId}/debuginfo`;
  return url;
}
