import { resolve } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'

/** Files of a certificate and its key, in PEM. */
export interface CertificatePair {
  /** The certificate, and after it those that lead to the root. */
  cert: string
  /** Its key, not encrypted. */
  key: string
}

/** TLS settings of a host's port. */
export interface TlsConfig {
  /**
   * Paths from the config's folder. Each certificate is for the host names in its `subjectAltName`, an exact
   * name before a wildcard. Among several with one name, the one that expires last is shown.
   */
  certificates: readonly CertificatePair[]
  /**
   * Clients that name no host, or one that no certificate is for: `refuse` ends the handshake, `first` shows
   * them the first certificate. Default: `refuse`.
   */
  unknownNames?: 'refuse' | 'first'
}

/** @throws `InvalidArgument` naming the field. */
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

/** @throws `InvalidArgument` naming the field. */
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
