import { createHmac, randomBytes } from 'node:crypto'
import { Agent } from 'node:https'
import type { Certificate } from './certificate.ts'
import type { TlsConfig } from './config.ts'

/** What a process needs to speak TLS on the port that it shares with others. */
export interface TlsMaterial {
  certificates: Pick<Certificate, 'cert' | 'key' | 'names' | 'notAfter'>[]
  unknownNames: Required<TlsConfig>['unknownNames']
  /** Keys of session tickets, in base64: one process of a host takes the tickets of another. */
  ticketKeys: string
}

export function createMaterial(
  certificates: readonly Certificate[],
  unknownNames: TlsMaterial['unknownNames'],
): TlsMaterial {
  return {
    certificates: certificates.map(({ cert, key, names, notAfter }) => ({ cert, key, names, notAfter })),
    unknownNames,
    ticketKeys: randomBytes(48).toString('base64'),
  }
}

/** Hosts of one store know each other by a key of the store: they need no certificates for that. */
export const BETWEEN_HOSTS = { cipher: 'ECDHE-PSK-CHACHA20-POLY1305', identity: 'unmoor-host' } as const

export function keyBetweenHosts(forwardKey: string): Buffer {
  return createHmac('sha256', forwardKey).update('unmoor: TLS between hosts').digest()
}

/** Connections to another host of the store, which proves by the store's key that it is one. */
export function agentBetweenHosts(forwardKey: string, keepAlive: boolean): Agent {
  const { cipher, identity } = BETWEEN_HOSTS
  return new Agent({
    keepAlive,
    ciphers: cipher,
    // TLS 1.3 has other names for such keys, which Node does not know.
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: keyBetweenHosts(forwardKey) }),
    // No certificate is shown.
    checkServerIdentity: () => undefined,
  })
}
