import type { Server } from 'node:http'
import type { ServerOptions } from 'node:https'
import { createSecureContext, DEFAULT_CIPHERS, type SecureContext, type Server as TlsServer } from 'node:tls'
import { covers } from './host-names.ts'
import { BETWEEN_HOSTS, keyBetweenHosts, type TlsMaterial } from './material.ts'

type Certificate = TlsMaterial['certificates'][number]

/**
 * Maximum number of TLS contexts cached by requested host name: clients can invent any number of names below
 * a wildcard.
 */
const MAX_NAMES = 10_000
/** Milliseconds in which a client must finish its TLS handshake. */
const HANDSHAKE_MS = 20_000
/** TLS session id context, the same in all hosts, so that each process resumes the sessions of the others. */
const SESSION_CONTEXT = 'unmoor-host'

/** The certificates of a port, chosen by the host name that a client requests (SNI). */
export class TlsContexts {
  #material: TlsMaterial
  #forwardKey: string | undefined
  #byName = new Map<string, SecureContext>()
  #made = new Map<Certificate, SecureContext>()

  /** @param forwardKey Key by which hosts of one store recognise each other. Undefined without a store. */
  constructor(material: TlsMaterial, forwardKey: string | undefined) {
    this.#material = material
    this.#forwardKey = forwardKey
  }

  /** Options for creating the TLS server of the host's port. */
  get options(): ServerOptions {
    return {
      ...this.#defaults,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_MS,
      SNICallback: (name, done) => done(null, this.#find(name)),
      ...this.#betweenHosts,
    }
  }

  /** Replaces the TLS certificates; open connections keep theirs. */
  use(material: TlsMaterial, server: Server): void {
    this.#material = material
    this.#byName.clear()
    this.#made.clear()
    ;(server as unknown as TlsServer).setSecureContext({ ...this.#defaults, ...this.#ciphers })
  }

  /**
   * TLS options for clients that name no host, or an unknown one. Their handshake fails if no certificate is
   * set here.
   */
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
    // In OpenSSL's cipher list `!PSK` excludes ciphers with pre-shared keys for good. After `-PSK` the cipher
    // for connections between hosts can be appended.
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
 * Chooses the certificate for a host name. An exact name wins over a wildcard, then the certificate that
 * expires last wins. Node takes one certificate per name, so an RSA and an ECDSA certificate cannot coexist.
 */
function chooseCertificate(certificates: readonly Certificate[], name: string): Certificate | undefined {
  const exact = certificates.filter(({ names }) => names.includes(name))
  const found =
    exact.length > 0 ? exact : certificates.filter(({ names }) => names.some((one) => covers(one, name)))
  return found.toSorted((a, b) => b.notAfter - a.notAfter)[0]
}
