import { resolve } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'

/** Paths of a TLS certificate and its key, both in PEM. */
export interface CertificatePair {
  /** Path of the TLS certificate, followed in the same file by its chain up to the root. */
  cert: string
  /** Path of the certificate's private key, not encrypted. */
  key: string
}

/** TLS settings of a host's port. */
export interface TlsConfig {
  /**
   * Certificates; paths are relative to the config's folder. Each covers the host names in its
   * `subjectAltName`; an exact name wins over a wildcard. If several have one name, the one that expires last
   * is used.
   */
  certificates: readonly CertificatePair[]
  /**
   * Handling of clients that name no host, or a host without a certificate. `refuse` ends the handshake;
   * `first` presents the first certificate. Default: `refuse`.
   */
  unknownNames?: 'refuse' | 'first'
}

/**
 * Checks the TLS settings of a config.
 *
 * @throws `InvalidArgument` naming the field.
 */
export function resolveTls(given: unknown, base: string): Required<TlsConfig> | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null)
    throw refuse('tls takes an object such as { "certificates": [{ "cert": "a.pem", "key": "a.key" }] }.')
  const { certificates, unknownNames = 'refuse', ...rest } = given as Partial<TlsConfig>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw refuse(`tls.${unknown}: there is no such field. Fields: certificates, unknownNames.`)
  if (unknownNames !== 'refuse' && unknownNames !== 'first')
    throw refuse(`tls.unknownNames takes "refuse" or "first", not ${JSON.stringify(unknownNames)}.`)
  if (!Array.isArray(certificates) || certificates.length === 0)
    throw refuse('tls.certificates takes a list with at least one { "cert": "a.pem", "key": "a.key" }.')
  return {
    certificates: certificates.map((pair, index) => resolvePair(pair, base, `tls.certificates[${index}]`)),
    unknownNames,
  }
}

/**
 * Checks one pair of certificate and key, and makes its paths absolute.
 *
 * @throws `InvalidArgument` naming the field.
 */
export function resolvePair(given: unknown, base: string, where: string): CertificatePair {
  const { cert, key, ...rest } = (given ?? {}) as Partial<CertificatePair>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw refuse(`${where}.${unknown}: there is no such field. Fields: cert, key.`)
  if (typeof cert !== 'string' || typeof key !== 'string' || cert === '' || key === '')
    throw refuse(`${where} takes paths of two files in PEM: { "cert": "a.pem", "key": "a.key" }.`)
  return { cert: resolve(base, cert), key: resolve(base, key) }
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}
