/** Connections: certificates always checked, proxies by the environment as everywhere, and a bound on connecting. */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import tls from 'node:tls';

export interface AgentSettings {
  /** PEM: trust these authorities, and no other. */
  readonly ca?: string;
  readonly onConnected: () => void;
}

export function openAgent(url: URL, { ca, onConnected }: AgentSettings): http.Agent {
  const secure = url.protocol === 'https:';
  const common = { keepAlive: false, proxyEnv: process.env };
  const agent = secure
    ? new https.Agent({ ...common, ca: ca ?? machineAuthorities(), rejectUnauthorized: true })
    : new http.Agent(common);
  return watched(agent, secure ? 'secureConnect' : 'connect', onConnected);
}

/** The administrator's authorities count as everywhere on the machine; where there are none, Node's own. */
function machineAuthorities(): string[] {
  const system = tls.getCACertificates('system');
  return system.length > 0 ? system : [...tls.rootCertificates];
}

type Connect = (
  options: object,
  callback?: (error: Error | null, socket: Socket) => void,
) => Socket | undefined;

function watched(agent: http.Agent, event: string, onConnected: () => void): http.Agent {
  const connecting = agent as unknown as { createConnection: Connect };
  const connect = connecting.createConnection.bind(agent);
  connecting.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    // Through a proxy the socket comes later, when it is connected.
    socket?.once(event, onConnected);
    return socket;
  };
  return agent;
}
