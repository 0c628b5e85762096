import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { UnmoorError } from '../../../../core/errors.ts'
import { errorText } from '../error-text.ts'
import type { CertificatePair } from './config.ts'

/** A TLS certificate with its key, read and checked. */
export interface Certificate {
  /** Path of the certificate file, used in messages. */
  readonly path: string
  /** Certificate in PEM. `key`: private key in PEM. */
  readonly cert: string
  readonly key: string
  /** Host names of the certificate, in lower case; `*.example.com` covers one more label. */
  readonly names: readonly string[]
  /** Start of the certificate's validity in milliseconds since 1970. `notAfter`: its end. */
  readonly notBefore: number
  readonly notAfter: number
}

const DAY = 86_400_000
const SOON = 14 * DAY
/** Certificates that live for a few days only cause a warning in the last fifth of their lifetime. */
const LAST_PART = 1 / 5

/**
 * Reads and checks a certificate and its key.
 *
 * @throws `InvalidArgument` naming the file and what to do.
 */
export async function readCertificate({ cert: path, key: keyPath }: CertificatePair): Promise<Certificate> {
  const cert = await read(path, 'The certificate')
  const key = await read(keyPath, 'The key')
  const parsed = parse(() => new X509Certificate(cert), `The certificate ${path} is no certificate in PEM`)
  const privateKey = parse(
    () => createPrivateKey(key),
    key.includes('ENCRYPTED')
      ? `The key ${keyPath} is encrypted. Store it without a passphrase, readable for the host's user alone`
      : `The key ${keyPath} is no private key in PEM`,
  )
  if (!parsed.checkPrivateKey(privateKey))
    throw refuse(
      `The key ${keyPath} does not belong to the certificate ${path}. If that file has several ` +
        'certificates, the first must be the host’s own.',
    )
  return {
    path,
    cert,
    key,
    names: namesOf(parsed),
    notBefore: parsed.validFromDate.getTime(),
    notAfter: parsed.validToDate.getTime(),
  }
}

/** Returns a warning for the operator about a certificate in use; undefined if there is nothing to report. */
export function certificateWarning(certificate: Certificate, now: number): string | undefined {
  const { path, names, notBefore, notAfter } = certificate
  const of = `The certificate ${path} (${names.join(', ') || 'no host names'})`
  if (names.length === 0)
    return `${of} names no host in its subjectAltName: clients that ask for a name refuse it.`
  if (now < notBefore)
    return `${of} is not valid before ${dateText(notBefore)}: clients refuse it until then.`
  if (now > notAfter) return `${of} expired on ${dateText(notAfter)}: clients refuse it. Renew it.`
  const left = notAfter - now
  return left < Math.min(SOON, (notAfter - notBefore) * LAST_PART)
    ? `${of} expires on ${dateText(notAfter)}, in ${Math.floor(left / DAY)} days. Renew it.`
    : undefined
}

function dateText(time: number): string {
  return new Date(time).toISOString()
}

/**
 * Returns the DNS names of a subjectAltName such as `DNS:a.example, DNS:*.b.example, IP Address:127.0.0.1`.
 */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.split(', ').flatMap((entry) => /^DNS:([\w*.-]+)$/.exec(entry)?.[1] ?? [])
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw refuse(`${what} cannot be read: ${errorText(cause)}`, cause)
  }
}

function parse<T>(work: () => T, otherwise: string): T {
  try {
    return work()
  } catch (cause) {
    throw refuse(`${otherwise}: ${errorText(cause)}`, cause)
  }
}

function refuse(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'tls', cause })
}
