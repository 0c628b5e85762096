import type { Server } from 'node:http'
import type { ServerOptions } from 'node:https'
import { createSecureContext, DEFAULT_CIPHERS, type SecureContext, type Server as TlsServer } from 'node:tls'
import { covers } from './host-names.ts'
import { BETWEEN_HOSTS, keyBetweenHosts, type TlsMaterial } from './material.ts'

type Certificate = TlsMaterial['certificates'][number]

/** Contexts that are kept by the names that clients asked for: they may make up any below a wildcard. */
const MAX_NAMES = 10_000
/** Seconds in which a client must have finished its handshake. */
const HANDSHAKE_MS = 20_000
/** Session id context, the same in all hosts, so that each process knows the sessions of the others. */
const SESSION_CONTEXT = 'unmoor-host'

/** The certificates of a port, by the names that clients ask for. */
export class TlsContexts {
  #material: TlsMaterial
  #forwardKey: string | undefined
  #byName = new Map<string, SecureContext>()
  #made = new Map<Certificate, SecureContext>()

  /** `forwardKey`: by which other hosts of the store are known. */
  constructor(material: TlsMaterial, forwardKey: string | undefined) {
    this.#material = material
    this.#forwardKey = forwardKey
  }

  /** What a server is created with. */
  get options(): ServerOptions {
    return {
      ...this.#defaults,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      SNICallback: (name, done) => done(null, this.#find(name)),
      ...this.#betweenHosts,
    }
  }

  /** Takes other certificates; connections that are open keep theirs. */
  use(material: TlsMaterial, server: Server): void {
    this.#material = material
    this.#byName.clear()
    this.#made.clear()
    ;(server as unknown as TlsServer).setSecureContext({ ...this.#defaults, ...this.#ciphers })
  }

  /** For clients that name no host, or an unknown one. Without a certificate their handshake fails. */
  get #defaults(): ServerOptions {
    const { certificates, unknownNames, ticketKeys } = this.#material
    const [first] = certificates
    return {
      ticketKeys: Buffer.from(ticketKeys, 'base64'),
      sessionIdContext: SESSION_CONTEXT,
      ...(unknownNames === 'first' && first !== undefined ? { cert: first.cert, key: first.key } : {}),
    }
  }

  get #betweenHosts(): ServerOptions {
    const forwardKey = this.#forwardKey
    if (forwardKey === undefined) return {}
    const key = keyBetweenHosts(forwardKey)
    return {
      ...this.#ciphers,
      pskCallback: (_socket, identity) => (identity === BETWEEN_HOSTS.identity ? key : null),
    }
  }

  get #ciphers(): ServerOptions {
    if (this.#forwardKey === undefined) return {}
    // `!PSK` would take them away for good.
    return { ciphers: `${DEFAULT_CIPHERS.replace('!PSK', '-PSK')}:${BETWEEN_HOSTS.cipher}` }
  }

  #find(asked: string): SecureContext | undefined {
    const name = asked.toLowerCase()
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const chosen = chooseCertificate(this.#material.certificates, name)
    if (chosen === undefined) return undefined
    const context = this.#made.get(chosen) ?? createSecureContext({ cert: chosen.cert, key: chosen.key })
    this.#made.set(chosen, context)
    if (this.#byName.size >= MAX_NAMES) this.#byName.clear()
    this.#byName.set(name, context)
    return context
  }
}

/**
 * An exact name comes before a wildcard; of several the one that expires last. Node takes one certificate for
 * each name, so that one with another kind of key cannot stand beside it.
 */
function chooseCertificate(certificates: readonly Certificate[], name: string): Certificate | undefined {
  const exact = certificates.filter(({ names }) => names.includes(name))
  const found =
    exact.length > 0 ? exact : certificates.filter(({ names }) => names.some((one) => covers(one, name)))
  return found.toSorted((a, b) => b.notAfter - a.notAfter)[0]
}
