import { createHmac, randomBytes } from 'node:crypto'
import { Agent } from 'node:https'
import type { Certificate } from './certificate.ts'
import type { TlsConfig } from './config.ts'

/** Data that a process needs to speak TLS on the shared port. */
export interface TlsMaterial {
  certificates: Pick<Certificate, 'cert' | 'key' | 'names' | 'notAfter'>[]
  unknownNames: Required<TlsConfig>['unknownNames']
  /** Keys of TLS session tickets, in base64: each process of a host accepts the tickets of the others. */
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

/**
 * TLS settings between hosts of one store: they authenticate by a pre-shared key of the store, without
 * certificates.
 */
export const BETWEEN_HOSTS = { cipher: 'ECDHE-PSK-CHACHA20-POLY1305', identity: 'unmoor-host' } as const

export function keyBetweenHosts(forwardKey: string): Buffer {
  return createHmac('sha256', forwardKey).update('unmoor: TLS between hosts').digest()
}

/**
 * Creates an agent for connections to other hosts of the store, which prove themselves by the store's key.
 */
export function agentBetweenHosts(forwardKey: string, keepAlive: boolean): Agent {
  const { cipher, identity } = BETWEEN_HOSTS
  return new Agent({
    keepAlive,
    ciphers: cipher,
    // TLS 1.3 has other cipher names for pre-shared keys, which Node does not support.
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: keyBetweenHosts(forwardKey) }),
    // A connection with a pre-shared key has no certificate, so there is no server identity to check.
    checkServerIdentity: () => undefined,
  })
}
